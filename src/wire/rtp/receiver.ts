/** One publication by RTP: packets of its media in; tracks, frames and RTCP out. */
import { randomBytes } from 'node:crypto';
import { type Frame, NO_TRACKS, type Tracks } from '../../media/index.ts';
import { AudioReader } from './audio-reader.ts';
import type { RtpMedia } from './media.ts';
import { parseRtpPacket } from './packet.ts';
import { Reception } from './reception.ts';
import { ReorderBuffer } from './reorder-buffer.ts';
import { parseRtcp, serializeReceiverReport } from './rtcp.ts';
import { START_MS, StreamClock } from './stream-clock.ts';
import type { TimeOf, TrackSink } from './track-sink.ts';
import { VideoReader } from './video-reader.ts';

const REORDER_MS = 200;
const REORDER_PACKETS = 512;
/** RFC 3550 6.2: the recommended least interval. */
const REPORT_INTERVAL_MS = 5000;
/** Audio waits so long for parameter sets of video that the session description does not have. Milliseconds. */
const MAX_TRACK_WAIT_MS = 2000;
/** Between two problems that are told; those in between are counted. */
const PROBLEM_INTERVAL_MS = 1000;

export interface RtpReceiverOptions {
  /** In the order of the SDP: a medium is named by its place here. The first video and the first audio are read. */
  readonly media: readonly RtpMedia[];
  /** Over TCP, where packets come in order: nothing waits, gaps are still counted. */
  readonly isOrdered: boolean;
  /** How long packets wait for one that is missing, and how many. Defaults: 200 ms, 512. */
  readonly reorderMs?: number;
  readonly reorderPackets?: number;
}

export type ReceiverEvent =
  /** Before the first frame that needs them, and again where they change. */
  | { readonly kind: 'tracks'; readonly tracks: Tracks }
  | { readonly kind: 'frame'; readonly frame: Frame }
  /** A receiver report to be sent to the publisher on this medium's RTCP channel or port. */
  | { readonly kind: 'rtcp'; readonly mediaIndex: number; readonly bytes: Buffer }
  /** Something was dropped, and why; at most one a second. The publication goes on. */
  | { readonly kind: 'problem'; readonly message: string }
  /** An access unit was dropped, for it is larger than any that is taken; each is told. The publication goes on. */
  | { readonly kind: 'excess'; readonly message: string };

/** Sums over all media. */
export interface ReceiverStats {
  readonly packets: number;
  /** Packets that did not come, or came too late. */
  readonly lost: number;
  readonly reordered: number;
  readonly duplicate: number;
  /** Frames that came, at least in part, and were not handed on, since the first that was. */
  readonly droppedFrames: number;
}

interface Medium {
  readonly index: number;
  readonly media: RtpMedia;
  readonly order: ReorderBuffer;
  readonly reception: Reception;
  readonly reader: VideoReader | AudioReader;
}

/** Push what comes, and `tick` about every 50 ms; take `next` after each until it gives null. Times: monotonic milliseconds. */
export class RtpReceiver {
  readonly #media: readonly (Medium | null)[];
  readonly #clock: StreamClock;
  readonly #events: ReceiverEvent[] = [];
  readonly #ssrc = randomBytes(4).readUInt32BE();
  readonly #cname = `millrace-${randomBytes(12).toString('hex')}`;
  #tracks: Tracks;
  /** Whether the tracks were told. */
  #hasBegun = false;
  /** When the first packet came, and the last report was sent. Null before. */
  #firstMs: number | null = null;
  #reportedMs = 0;
  #nowMs = 0;
  #problemMs = Number.NEGATIVE_INFINITY;
  #problemsUntold = 0;
  #packets = 0;
  #droppedFrames = 0;

  constructor(options: RtpReceiverOptions) {
    const { media } = options;
    this.#clock = new StreamClock(media);
    this.#tracks = { ...NO_TRACKS, ...declaredRate(media) };
    this.#media = media.map((each, index) => {
      const isFirst = media.findIndex(({ kind }) => kind === each.kind) === index;
      return isFirst ? this.#open(each, index, options) : null;
    });
  }

  get stats(): ReceiverStats {
    let lost = 0;
    let reordered = 0;
    let duplicate = 0;
    for (const medium of this.#media) {
      lost += medium?.order.lost ?? 0;
      reordered += medium?.order.reordered ?? 0;
      duplicate += medium?.order.duplicate ?? 0;
    }
    return { packets: this.#packets, lost, reordered, duplicate, droppedFrames: this.#droppedFrames };
  }

  /** One RTP packet of a medium; of a medium that is not read, nothing comes of it. */
  pushRtp(mediaIndex: number, bytes: Buffer, nowMs: number): void {
    this.#nowMs = nowMs;
    const medium = this.#media[mediaIndex] ?? null;
    if (medium === null) return;
    const packet = parseRtpPacket(bytes);
    if ('problem' in packet) {
      this.#problem(packet.problem);
      return;
    }
    const { payloadType } = medium.media;
    if (packet.payloadType !== payloadType) {
      this.#problem(`${medium.media.kind}: an RTP packet of payload type ${packet.payloadType}, not ${payloadType}`);
      return;
    }
    this.#packets++;
    if (this.#firstMs === null) {
      this.#firstMs = nowMs;
      this.#reportedMs = nowMs;
    }
    medium.reception.push(packet, nowMs);
    medium.order.push(packet, nowMs);
    this.#read(medium);
  }

  /** One RTCP compound packet of a medium. */
  pushRtcp(mediaIndex: number, bytes: Buffer, nowMs: number): void {
    this.#nowMs = nowMs;
    const medium = this.#media[mediaIndex] ?? null;
    if (medium === null) return;
    const packets = parseRtcp(bytes);
    if ('problem' in packets) {
      this.#problem(packets.problem);
      return;
    }
    for (const packet of packets) {
      if (packet.type !== 'sender-report') continue;
      medium.reception.pushReport(packet.ntpMiddle, nowMs);
      if (packet.unixMs === null) continue;
      const problem = this.#clock.report(mediaIndex, packet.unixMs, packet.rtpTimestamp);
      if (problem !== null) this.#problem(problem);
    }
  }

  /** Lets packets go that have waited long enough, and makes the receiver reports that are due. */
  tick(nowMs: number): void {
    this.#nowMs = nowMs;
    const isDue = this.#firstMs !== null && nowMs - this.#reportedMs >= REPORT_INTERVAL_MS;
    if (isDue) this.#reportedMs = nowMs;
    for (const medium of this.#media) {
      if (medium === null) continue;
      medium.order.tick(nowMs);
      this.#read(medium);
      const block = isDue ? medium.reception.takeBlock(nowMs) : null;
      if (block === null) continue;
      const bytes = serializeReceiverReport(this.#ssrc, [block], this.#cname);
      this.#events.push({ kind: 'rtcp', mediaIndex: medium.index, bytes });
    }
  }

  /** No more will come: what waits for missing packets is let go. A picture whose end did not come is not handed on. */
  end(): void {
    for (const medium of this.#media) {
      if (medium === null) continue;
      medium.order.flush();
      this.#read(medium);
    }
  }

  next(): ReceiverEvent | null {
    return this.#events.shift() ?? null;
  }

  #open(media: RtpMedia, index: number, options: RtpReceiverOptions): Medium | null {
    const timeOf = (timestamp: number): number => {
      if (!this.#hasBegun) this.#clock.moveTo(index, timestamp, START_MS);
      return this.#clock.time(index, timestamp);
    };
    const sink: TrackSink = {
      track: (track) => {
        this.#tracks = track.kind === 'video' ? { ...this.#tracks, video: track } : { ...this.#tracks, audio: track };
        if (this.#hasBegun) this.#events.push({ kind: 'tracks', tracks: this.#tracks });
      },
      frame: (frame) => this.#frame(frame),
      problem: (message) => this.#problem(message),
      excess: (message) => void this.#events.push({ kind: 'excess', message }),
      dropped: () => {
        this.#droppedFrames++;
      },
    };
    const reader = openReader(media, sink, timeOf);
    if (typeof reader === 'string') {
      this.#events.push({ kind: 'problem', message: `${media.kind}: ${reader}` });
      return null;
    }
    const maxPackets = options.isOrdered ? 0 : (options.reorderPackets ?? REORDER_PACKETS);
    const order = new ReorderBuffer({ maxPackets, maxWaitMs: options.reorderMs ?? REORDER_MS });
    return { index, media, order, reception: new Reception(media.clockRate), reader };
  }

  #read(medium: Medium): void {
    for (let ordered = medium.order.next(); ordered !== null; ordered = medium.order.next()) {
      if (ordered.restarted) this.#clock.restart(medium.index);
      this.#clock.arrive(medium.index, ordered.packet.timestamp, this.#nowMs);
      medium.reader.push(ordered);
    }
  }
  /** The first frame brings the tracks; audio waits for what video is known by, as far as that is to be expected. */
  #frame(frame: Frame): void {
    if (!this.#hasBegun) {
      const awaitsVideo = this.#tracks.video === null && this.#media.some((medium) => medium?.media.kind === 'video');
      if (awaitsVideo && this.#nowMs - (this.#firstMs ?? this.#nowMs) < MAX_TRACK_WAIT_MS) return;
      this.#hasBegun = true;
      this.#events.push({ kind: 'tracks', tracks: this.#tracks });
    }
    this.#events.push({ kind: 'frame', frame });
  }

  #problem(message: string): void {
    if (this.#nowMs - this.#problemMs < PROBLEM_INTERVAL_MS) {
      this.#problemsUntold++;
      return;
    }
    const untold = this.#problemsUntold === 0 ? '' : ` (and ${this.#problemsUntold} more before it)`;
    this.#events.push({ kind: 'problem', message: `${message}${untold}` });
    this.#problemMs = this.#nowMs;
    this.#problemsUntold = 0;
  }
}

/** Of all media together; the rate of audio alone says nothing of a stream that has video. */
function declaredRate(media: readonly RtpMedia[]): Pick<Tracks, 'declaredKbits'> {
  if (media.some(({ kind, declaredKbits }) => kind === 'video' && declaredKbits === undefined)) return {};
  const kbits = media.reduce((sum, { declaredKbits = 0 }) => sum + declaredKbits, 0);
  return kbits === 0 ? {} : { declaredKbits: kbits };
}

/** The reason where the session description asks for what is not read. */
function openReader(media: RtpMedia, sink: TrackSink, timeOf: TimeOf): VideoReader | AudioReader | string {
  if (!(media.clockRate > 0)) return `a clock rate of ${media.clockRate} Hz`;
  return media.kind === 'video' ? new VideoReader(media, sink, timeOf) : AudioReader.create(media, sink, timeOf);
}
