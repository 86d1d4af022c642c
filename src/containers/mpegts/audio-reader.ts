/** Audio of a PID: ADTS frames, which may straddle PES packets, and Opus packets behind their control headers. */
import {
  ADTS_HEADER_BYTES,
  type AdtsHeader,
  aacTrack,
  CodecError,
  opusPacketDuration,
  opusTrack,
  parseAdtsHeader,
} from '../../media/index.ts';
import type { EventList } from './events.ts';
import { parseOpusHeader } from './opus-header.ts';

const NO_BYTES = Buffer.alloc(0);
const ADTS_CRC_BYTES = 2;

/** AAC in ADTS. A PES packet's pts is that of the first frame that begins in it; those after it follow by their durations. */
export class AdtsReader {
  readonly #pid: number;
  readonly #events: EventList;
  /** The beginning of a frame that goes on in the next PES packet: less than a frame, 8191 bytes at most. */
  #carry: Buffer = NO_BYTES;
  /** When the next frame begins, in milliseconds; null before the first pts. */
  #time: number | null = null;
  #config: Buffer = NO_BYTES;
  #durationMs = 0;

  constructor(pid: number, events: EventList) {
    this.#pid = pid;
    this.#events = events;
  }

  push(payload: Buffer, pts: number | null): void {
    const carried = this.#carry.length;
    const data = carried === 0 ? payload : Buffer.concat([this.#carry, payload]);
    let pending = pts;
    let complaint: string | null = null;
    let at = 0;
    while (at + ADTS_HEADER_BYTES <= data.length) {
      const header = beginsAdts(data, at)
        ? readHeader(data.subarray(at))
        : `no ADTS header at byte ${at} of ${data.length} in a PES packet`;
      if (typeof header === 'string') {
        complaint ??= header;
        at++;
        continue;
      }
      if (at + header.frameLength > data.length) break;
      if (pending !== null && at >= carried) {
        this.#time = pending;
        pending = null;
      }
      this.#frame(header, data.subarray(at + header.headerLength, at + header.frameLength));
      at += header.frameLength;
    }
    if (pending !== null && at >= carried) this.#time = pending;
    this.#carry = Buffer.from(data.subarray(at));
    if (complaint !== null) this.#events.problem(this.#pid, complaint);
  }

  /** Bytes were lost. */
  reset(): void {
    this.#carry = NO_BYTES;
  }

  #frame(header: AdtsHeader, data: Buffer): void {
    if (header.rawDataBlocks !== 1) {
      this.#events.problem(this.#pid, `an ADTS frame of ${header.rawDataBlocks} raw data blocks, 1 is allowed`);
      return;
    }
    if (this.#time === null || data.length === 0) return;
    if (!header.config.equals(this.#config)) {
      const track = aacTrack(header.config);
      this.#config = header.config;
      this.#durationMs = (1024 * 1000) / track.sampleRate;
      this.#events.setAudio(track);
    }
    const time = this.#time;
    this.#events.push({ type: 'frame', frame: { kind: 'audio', codec: 'AAC', dts: time, pts: time, data } });
    this.#time = time + this.#durationMs;
  }
}

/** All that makes a header one that can be read: asked first, as a search through garbage must not throw at each byte. */
function beginsAdts(data: Buffer, at: number): boolean {
  const word = data.readUInt32BE(at);
  const frameLength = ((word & 3) << 11) | (data.readUInt16BE(at + 4) >> 5);
  return (
    word >>> 20 === 0xfff &&
    ((word >>> 17) & 3) === 0 && // layer
    ((word >>> 10) & 15) < 13 && // sampling_frequency_index
    ((word >>> 6) & 7) !== 0 && // channel_configuration
    frameLength >= ADTS_HEADER_BYTES + ((word >>> 16) & 1 ? 0 : ADTS_CRC_BYTES) // protection_absent
  );
}

function readHeader(data: Buffer): AdtsHeader | string {
  try {
    return parseAdtsHeader(data);
  } catch (error) {
    if (error instanceof CodecError) return error.message;
    throw error;
  }
}

/** Opus: whole packets, one or more a PES packet. */
export class OpusReader {
  readonly #pid: number;
  readonly #channels: number;
  readonly #events: EventList;
  #time: number | null = null;

  /** @param channels from the PMT's descriptor */
  constructor(channels: number, pid: number, events: EventList) {
    this.#channels = channels;
    this.#pid = pid;
    this.#events = events;
  }

  push(payload: Buffer, pts: number | null): void {
    if (pts !== null) this.#time = pts;
    for (let at = 0; at < payload.length; ) {
      const place = parseOpusHeader(payload, at);
      if (place === null) {
        this.#events.problem(this.#pid, `no whole Opus packet at byte ${at} of a PES packet of ${payload.length}`);
        return;
      }
      this.#packet(payload.subarray(place.start, place.end));
      at = place.end;
    }
  }

  /** Nothing lives from one PES packet to the next but the time, which the next pts sets. */
  reset(): void {}

  #packet(data: Buffer): void {
    const time = this.#time;
    if (time === null) return;
    const duration = readDuration(data);
    if (typeof duration === 'string') {
      this.#events.problem(this.#pid, duration);
      return;
    }
    this.#events.setAudio(opusTrack(this.#channels));
    this.#events.push({ type: 'frame', frame: { kind: 'audio', codec: 'OPUS', dts: time, pts: time, data } });
    this.#time = time + duration;
  }
}

function readDuration(packet: Buffer): number | string {
  try {
    return opusPacketDuration(packet);
  } catch (error) {
    if (error instanceof CodecError) return error.message;
    throw error;
  }
}
