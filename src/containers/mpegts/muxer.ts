/** Frames to transport stream packets (ISO 13818-1): one program, one exact buffer a frame. */
import {
  type AacTrack,
  ADTS_HEADER_BYTES,
  type AudioFrame,
  type AudioTrack,
  adtsHeader,
  CodecError,
  type Frame,
  type Muxer,
  NO_BYTES,
  sameTrack,
  type Tracks,
  type VideoFrame,
  type VideoTrack,
} from '../../media/index.ts';
import { AccessUnitWriter } from './annexb.ts';
import { PCR_LEAD, PcrClock } from './clock.ts';
import { opusHeaderBytes, writeOpusHeader } from './opus-header.ts';
import { PACKET_BYTES, PacketWriter, packetCount } from './packet.ts';
import {
  MAX_PES_HEADER_BYTES,
  MAX_PES_LENGTH,
  pesHeaderBytes,
  STREAM_ID_AUDIO,
  STREAM_ID_PRIVATE,
  STREAM_ID_VIDEO,
  writePesHeader,
} from './pes.ts';
import { type ElementaryStream, opusDescriptors, STREAM_TYPE, serializePat, serializePmt } from './psi.ts';
import { toTicks } from './time.ts';

const PMT_PID = 0x1000;
const VIDEO_PID = 0x0100;
const AUDIO_PID = 0x0101;
const PSI_BYTES = 2 * PACKET_BYTES;
/** Audio-only streams repeat PAT and PMT after this; with the next frame it is less than the 500 ms that players expect. */
const PSI_INTERVAL = toTicks(360);
/** What ADTS's aac_frame_length leaves to the payload. */
const MAX_AAC_BYTES = 0x1fff - ADTS_HEADER_BYTES;
/** The largest audio frame, so that PES_packet_length, which audio must have, can say its size. */
const MAX_AUDIO_BYTES: number = MAX_PES_LENGTH - MAX_PES_HEADER_BYTES;
const MAX_OPUS_CHANNELS = 8;
/** MPEG-1 audio has sampling rates from this on, MPEG-2 those below. Hz. */
const MPEG1_MIN_RATE = 32000;
const NO_DESCRIPTORS = NO_BYTES;

/** Codecs that are carried. */
const CARRIED: ReadonlySet<string> = new Set(['H264', 'H265', 'AAC', 'MP3', 'OPUS']);

/** Whether a transport stream of ours carries the codec. */
export function carriesCodec(codec: string): boolean {
  return CARRIED.has(codec);
}

/** One program: video with the PCR, else audio with it. */
export class TsMuxer implements Muxer {
  #video: VideoTrack | null = null;
  #audio: AudioTrack | null = null;
  /** PAT and PMT as they were last written; null: nothing is carried. */
  #psi: Buffer | null = null;
  #psiWritten = false;
  /** The continuity counter of both, which are only written together: of the next pair. */
  #psiCounter = 0;
  #version = -1;
  #lastPsi = Number.NaN;
  readonly #videoOut = new PacketWriter(VIDEO_PID);
  readonly #audioOut = new PacketWriter(AUDIO_PID);
  readonly #clock = new PcrClock();
  readonly #accessUnit = new AccessUnitWriter();
  readonly #pesHeader = Buffer.alloc(MAX_PES_HEADER_BYTES);
  readonly #opusHeader = Buffer.alloc(opusHeaderBytes(MAX_AUDIO_BYTES));

  constructor(tracks: Tracks) {
    this.#adopt(tracks);
  }

  /** The last PAT and PMT, continuity counters included; a first pair where none was written. Empty without tracks. */
  header(): Buffer {
    if (this.#psi === null) return NO_BYTES;
    return this.#psiWritten ? Buffer.from(this.#psi) : this.#writtenPsi();
  }

  /** A PAT and PMT of a new version where what is carried changed; empty otherwise, and where nothing is carried now. */
  setTracks(tracks: Tracks): Buffer {
    return this.#adopt(tracks) && this.#psi !== null ? this.#writtenPsi() : NO_BYTES;
  }

  /**
   * The packets of the frame. Empty for codecs that are not in the tracks or cannot be carried, for access units without a
   * NAL unit, and for audio frames that are empty or larger than their framing can say.
   */
  write(frame: Frame): Buffer {
    if (frame.kind === 'video') return this.#writeVideo(frame);
    return frame.kind === 'audio' ? this.#writeAudio(frame) : NO_BYTES;
  }

  #writeVideo(frame: VideoFrame): Buffer {
    const track = this.#video;
    if (track === null || track.codec !== frame.codec) return NO_BYTES;
    const size = this.#accessUnit.plan(frame, track);
    if (size === 0) return NO_BYTES;
    const dts = toTicks(frame.dts);
    this.#clock.plan(dts, true);
    const writer = this.#videoOut;
    const psi = frame.key || !this.#psiWritten;
    const out = this.#begin(writer, STREAM_ID_VIDEO, toTicks(frame.pts), dts, size, psi, frame.key);
    this.#accessUnit.write(writer, frame, track);
    writer.end();
    return out;
  }

  #writeAudio(frame: AudioFrame): Buffer {
    const track = this.#audio;
    if (track === null || track.codec !== frame.codec) return NO_BYTES;
    const { data } = frame;
    const max = track.codec === 'AAC' ? MAX_AAC_BYTES : MAX_AUDIO_BYTES;
    if (data.length === 0 || data.length > max) return NO_BYTES;
    const framing = this.#frameAudio(track, data.length);
    const framingBytes = track.codec === 'OPUS' ? opusHeaderBytes(data.length) : framing.length;
    if (framingBytes + data.length > MAX_AUDIO_BYTES) return NO_BYTES;
    const dts = toTicks(frame.dts);
    const alone = this.#video === null;
    if (alone) this.#clock.plan(dts, false);
    else this.#clock.planStandIn(dts);
    const sincePsi = Math.abs(dts - this.#lastPsi);
    const psi = !this.#psiWritten || (alone && !(sincePsi < PSI_INTERVAL));
    const writer = this.#audioOut;
    const streamId = track.codec === 'OPUS' ? STREAM_ID_PRIVATE : STREAM_ID_AUDIO;
    const out = this.#begin(writer, streamId, toTicks(frame.pts), dts, framingBytes + data.length, psi, alone);
    writer.append(framing, 0, framingBytes);
    writer.append(data, 0, data.length);
    writer.end();
    return out;
  }

  /** What stands before an audio frame's data; of Opus the buffer is longer than the header. */
  #frameAudio(track: AudioTrack, bytes: number): Buffer {
    if (track.codec === 'AAC') return adtsHeader(track, bytes);
    if (track.codec !== 'OPUS') return NO_BYTES;
    writeOpusHeader(this.#opusHeader, bytes);
    return this.#opusHeader;
  }

  /** Allocates all that the frame takes and writes what comes before its data: PCR-only packets, PAT and PMT, PES header. */
  #begin(
    writer: PacketWriter,
    streamId: number,
    pts: number,
    dts: number,
    size: number,
    psi: boolean,
    randomAccess: boolean,
  ): Buffer {
    const clock = this.#clock;
    const pesBytes = pesHeaderBytes(pts !== dts) + size;
    const packets = packetCount(pesBytes, !Number.isNaN(clock.pcr));
    const out = Buffer.allocUnsafe((clock.fillers + packets) * PACKET_BYTES + (psi ? PSI_BYTES : 0));
    let at = 0;
    const pcrWriter = this.#video === null ? this.#audioOut : this.#videoOut;
    for (let i = 0; i < clock.fillers; i++) {
      pcrWriter.writePcrPacket(out, at, clock.fillerPcr(i), clock.discontinuity);
      at += PACKET_BYTES;
    }
    if (psi) {
      this.#copyPsi(out, at);
      this.#lastPsi = dts;
      at += PSI_BYTES;
    }
    writer.begin(out, at, pesBytes, clock.pcr, randomAccess, clock.discontinuity);
    const headerBytes = writePesHeader(this.#pesHeader, streamId, pts + PCR_LEAD, dts + PCR_LEAD, size);
    writer.append(this.#pesHeader, 0, headerBytes);
    return out;
  }

  /** Takes the tracks over; whether what is carried is another than before. */
  #adopt(tracks: Tracks): boolean {
    const { video } = tracks;
    const audio = carriableAudio(tracks.audio);
    const same = sameTrack(video, this.#video) && sameTrack(audio, this.#audio);
    this.#video = video;
    this.#audio = audio;
    if (same) return false;
    if (video === null && audio === null) {
      this.#psi = null;
      this.#psiWritten = false;
      return true;
    }
    this.#version = (this.#version + 1) & 0x1f;
    const streams: ElementaryStream[] = [];
    if (video !== null) {
      const streamType = video.codec === 'H264' ? STREAM_TYPE.H264 : STREAM_TYPE.H265;
      streams.push({ streamType, pid: VIDEO_PID, descriptors: NO_DESCRIPTORS });
    }
    if (audio !== null) streams.push(audioStream(audio));
    const pcrPid = video === null ? AUDIO_PID : VIDEO_PID;
    const pmt = serializePmt(PMT_PID, { version: this.#version, pcrPid, streams });
    this.#psi = Buffer.concat([serializePat(PMT_PID), pmt]);
    this.#psiWritten = false;
    return true;
  }

  #writtenPsi(): Buffer {
    const out = Buffer.allocUnsafe(PSI_BYTES);
    this.#copyPsi(out, 0);
    return out;
  }

  #copyPsi(out: Buffer, at: number): void {
    const psi = this.#psi;
    if (psi === null) return;
    const counter = 0x10 | this.#psiCounter;
    psi[3] = counter;
    psi[PACKET_BYTES + 3] = counter;
    this.#psiCounter = (this.#psiCounter + 1) & 0x0f;
    this.#psiWritten = true;
    psi.copy(out, at);
  }
}

function audioStream(track: AudioTrack): ElementaryStream {
  const pid = AUDIO_PID;
  if (track.codec === 'OPUS') {
    return { streamType: STREAM_TYPE.PRIVATE, pid, descriptors: opusDescriptors(track.channels) };
  }
  if (track.codec === 'AAC') return { streamType: STREAM_TYPE.AAC, pid, descriptors: NO_DESCRIPTORS };
  const streamType = track.sampleRate < MPEG1_MIN_RATE ? STREAM_TYPE.MPEG2_AUDIO : STREAM_TYPE.MPEG1_AUDIO;
  return { streamType, pid, descriptors: NO_DESCRIPTORS };
}

/** The track, or null where its codec or its configuration cannot be carried. */
function carriableAudio(track: AudioTrack | null): AudioTrack | null {
  if (track === null || !carriesCodec(track.codec)) return null;
  if (track.codec === 'AAC') return fitsAdts(track) ? track : null;
  if (track.codec === 'OPUS') return track.channels >= 1 && track.channels <= MAX_OPUS_CHANNELS ? track : null;
  return track;
}

/** ADTS has no words for some object types and channel configurations. */
function fitsAdts(track: AacTrack): boolean {
  try {
    adtsHeader(track, 0);
    return true;
  } catch (error) {
    if (error instanceof CodecError) return false;
    throw error;
  }
}
