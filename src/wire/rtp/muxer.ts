/** Frames to interleaved RTP packets, each once for all players, with sender reports among them. */
import {
  type AudioTrack,
  type Frame,
  type Muxer,
  NO_BYTES,
  sameTrack,
  type Tracks,
  type VideoTrack,
} from '../../media/index.ts';
import { AudioPacketizer } from './audio-packetizer.ts';
import { describeTrack } from './describe.ts';
import { OutTrack, reportBytes, type TrackStart } from './out-track.ts';
import { VideoPacketizer } from './video-packetizer.ts';

const REPORT_INTERVAL_MS = 5000;
/** Where the publisher's clock has fallen behind the time of day by more than this, reports go by the time of day again. */
const MAX_CLOCK_LAG_MS = 1000;

/** The even interleaved channel of each track, RTCP's is the one after it; null: the player did not set the track up. */
export interface RtpLayout {
  readonly video: number | null;
  readonly audio: number | null;
}

export interface RtpClock {
  /** The time of day, in Unix milliseconds: for sender reports. */
  unixMs(): number;
  /** For intervals; absent: `unixMs` serves. */
  readonly monotonicMs?: () => number;
}

/** What differs from muxer to muxer: random in earnest, chosen in tests. */
export interface MuxerIdentity {
  readonly cname: string;
  readonly video: TrackStart;
  readonly audio: TrackStart;
}

/** A track that is sent, and how. */
interface Sent<Track, Packetizer> {
  readonly track: Track;
  readonly packetizer: Packetizer;
}

export class RtpMuxer implements Muxer {
  readonly #clock: RtpClock;
  readonly #cname: string;
  readonly #videoOut: OutTrack | null;
  readonly #audioOut: OutTrack | null;
  #video: Sent<VideoTrack, VideoPacketizer> | null = null;
  #audio: Sent<AudioTrack, AudioPacketizer> | null = null;
  /** From the stream's time to the time of day, by the frame that came earliest; null before the first. */
  #toUnixMs: number | null = null;
  #lastDts = 0;
  /** When reports were last among the packets; null: they are due. */
  #reportedMs: number | null = null;

  constructor(layout: RtpLayout, tracks: Tracks, clock: RtpClock, identity: MuxerIdentity) {
    this.#clock = clock;
    this.#cname = identity.cname;
    this.#videoOut = layout.video === null ? null : new OutTrack(layout.video, identity.video);
    this.#audioOut = layout.audio === null ? null : new OutTrack(layout.audio, identity.audio);
    this.#adopt(tracks);
  }

  /** Sender reports, so that a newcomer can show sound and pictures in step from the start. Empty before the first frame. */
  header(): Buffer {
    if (this.#toUnixMs === null) return NO_BYTES;
    const out = Buffer.allocUnsafe(this.#reportsBytes());
    this.#writeReports(out, 0, this.#toUnixMs, this.#lastDts);
    return out;
  }

  /** Nothing to be sent at once: parameter sets come with the next key frame, reports with the next frame. */
  setTracks(tracks: Tracks): Buffer {
    this.#adopt(tracks);
    return NO_BYTES;
  }

  /** The frame's packets; empty for tracks that were not set up, and for what RTP cannot carry. */
  write(frame: Frame): Buffer {
    if (frame.kind === 'data') return NO_BYTES;
    const sent = frame.kind === 'video' ? this.#video : this.#audio;
    const to = frame.kind === 'video' ? this.#videoOut : this.#audioOut;
    if (sent === null || to === null || sent.track.codec !== frame.codec) return NO_BYTES;
    const size = this.#plan(frame);
    if (size === 0) return NO_BYTES;
    const unixMs = this.#clock.unixMs();
    const nowMs = this.#clock.monotonicMs?.() ?? unixMs;
    const isReportDue = this.#reportedMs === null || nowMs - this.#reportedMs >= REPORT_INTERVAL_MS;
    const toUnixMs = this.#follow(unixMs - frame.dts, isReportDue);
    this.#lastDts = frame.dts;
    const out = Buffer.allocUnsafe(size + (isReportDue ? this.#reportsBytes() : 0));
    let at = 0;
    if (isReportDue) {
      at = this.#writeReports(out, at, toUnixMs, frame.dts);
      this.#reportedMs = nowMs;
    }
    if (frame.kind === 'video') this.#video?.packetizer.write(out, at, frame, to);
    else this.#audio?.packetizer.write(out, at, frame, to);
    return out;
  }

  #plan(frame: Exclude<Frame, { kind: 'data' }>): number {
    const size = frame.kind === 'video' ? this.#video?.packetizer.plan(frame) : this.#audio?.packetizer.plan(frame);
    return size ?? 0;
  }

  /** Frames come late or in bursts, but never before they were: the earliest tells the clocks' distance. */
  #follow(distance: number, mayCatchUp: boolean): number {
    const known = this.#toUnixMs;
    const isBehind = known !== null && mayCatchUp && distance - known > MAX_CLOCK_LAG_MS;
    const next = known === null || isBehind ? distance : Math.min(known, distance);
    this.#toUnixMs = next;
    return next;
  }

  #reportsBytes(): number {
    const count = (this.#video === null ? 0 : 1) + (this.#audio === null ? 0 : 1);
    return count * reportBytes(this.#cname);
  }

  /** Of all tracks at one moment; the place behind them. */
  #writeReports(out: Buffer, from: number, toUnixMs: number, ms: number): number {
    let at = from;
    const unixMs = toUnixMs + ms;
    if (this.#video !== null) at = this.#videoOut?.writeReport(out, at, unixMs, ms, this.#cname) ?? at;
    if (this.#audio !== null) at = this.#audioOut?.writeReport(out, at, unixMs, ms, this.#cname) ?? at;
    return at;
  }

  #adopt({ video, audio }: Tracks): void {
    if (!sameTrack(video, this.#video?.track ?? null)) {
      const media = video === null ? null : describeTrack(video);
      const isSent = video !== null && media !== null && this.#videoOut !== null;
      this.#video = isSent ? { track: video, packetizer: new VideoPacketizer(video) } : null;
      if (isSent) this.#videoOut?.describe(media);
      this.#reportedMs = null;
    }
    if (!sameTrack(audio, this.#audio?.track ?? null)) {
      const media = audio === null ? null : describeTrack(audio);
      const isSent = audio !== null && media !== null && this.#audioOut !== null;
      this.#audio = isSent ? { track: audio, packetizer: new AudioPacketizer(audio) } : null;
      if (isSent) this.#audioOut?.describe(media);
      this.#reportedMs = null;
    }
  }
}
