/** AAC out of RTP payloads of MP4A-LATM (RFC 6416), with the stream's configuration in the session description. */
import {
  type AacTrack,
  aacTrack,
  BitReader,
  CodecError,
  parseAudioSpecificConfig,
  serializeAudioSpecificConfig,
} from '../../media/index.ts';

/** The largest audioMuxElement: 64 frames of the largest size that ADTS has would be more, no sender makes them. Bytes. */
const MAX_ELEMENT_BYTES = 64 * 1024;
/** numSubFrames has 6 bits; the frames of an audioMuxElement are one more. */
const MAX_FRAMES = 64;

/** What a StreamMuxConfig says, as far as it is read here. */
interface LatmConfig {
  readonly track: AacTrack;
  /** Audio frames in each audioMuxElement. */
  readonly frames: number;
}

export class LatmDepacketizer {
  readonly track: AacTrack;
  readonly #frames: number;
  #timestamp = 0;
  #parts: Buffer[] = [];
  #bytes = 0;

  private constructor(config: LatmConfig) {
    this.track = config.track;
    this.#frames = config.frames;
  }

  /** By the format parameters of the session description; the reason where they ask for what is not read. */
  static create(fmtp: Readonly<Record<string, string>>): LatmDepacketizer | string {
    // RFC 6416 6.1: it is 1 where it is not given, but senders forget it
    if (fmtp['cpresent'] === '1' || fmtp['config'] === undefined) {
      return 'MP4A-LATM with its configuration in band, which is not read: cpresent=0 and config are';
    }
    try {
      const config = parseStreamMuxConfig(Buffer.from(fmtp['config'], 'hex'));
      return typeof config === 'string' ? config : new LatmDepacketizer(config);
    } catch (error) {
      if (error instanceof CodecError) return `a StreamMuxConfig that cannot be read: ${error.message}`;
      throw error;
    }
  }

  /** Packets are missing: what was begun cannot be completed. Whether there was anything. */
  reset(): boolean {
    const had = this.#parts.length > 0;
    this.#parts = [];
    this.#bytes = 0;
    return had;
  }

  /** The frames that the payload completes; or what is wrong. An audioMuxElement ends with the marker. */
  push(payload: Buffer, timestamp: number, marker: boolean): Buffer[] | string {
    if (this.#parts.length > 0 && timestamp !== this.#timestamp) {
      const bytes = this.#bytes;
      this.reset();
      return `${bytes} bytes of an audioMuxElement came, and not its end`;
    }
    this.#timestamp = timestamp;
    if (marker && this.#parts.length === 0) return this.#cut(payload);
    this.#bytes += payload.length;
    if (this.#bytes > MAX_ELEMENT_BYTES) {
      const bytes = this.#bytes;
      this.reset();
      return `an audioMuxElement of ${bytes} bytes and more, at most ${MAX_ELEMENT_BYTES} are read`;
    }
    if (payload.length > 0) this.#parts.push(Buffer.from(payload));
    if (!marker) return [];
    const element = Buffer.concat(this.#parts);
    this.reset();
    return this.#cut(element);
  }

  /** PayloadLengthInfo and PayloadMux of each frame (ISO 14496-3 1.7.3.1), which are whole bytes here. */
  #cut(element: Buffer): Buffer[] | string {
    const frames: Buffer[] = [];
    let at = 0;
    for (let i = 0; i < this.#frames && at < element.length; i++) {
      let size = 0;
      let part = 255;
      while (part === 255) {
        if (at === element.length) return `an audioMuxElement of ${element.length} bytes that ends in a frame's length`;
        part = element.readUInt8(at++);
        size += part;
      }
      if (size > element.length - at)
        return `a frame of ${size} bytes in an audioMuxElement with ${element.length - at}`;
      if (size > 0) frames.push(element.subarray(at, at + size));
      at += size;
    }
    return frames;
  }
}

/** ISO 14496-3 1.7.3.1: audioMuxVersion 0, one program, one layer, frames with their own lengths. */
function parseStreamMuxConfig(bytes: Buffer): LatmConfig | string {
  const reader = new BitReader(bytes);
  if (reader.flag()) return 'a StreamMuxConfig of audioMuxVersion 1, 0 is read';
  if (!reader.flag()) return 'a StreamMuxConfig whose streams have framings of their own';
  const frames = reader.bits(6) + 1;
  if (reader.bits(4) !== 0 || reader.bits(3) !== 0) return 'a StreamMuxConfig of more than one program or layer';
  // the AudioSpecificConfig follows at a bit that is none of a byte's first; what comes after it does not concern it
  const shifted = Buffer.alloc(Math.ceil(reader.bitsLeft / 8));
  for (let i = 0; i < shifted.length; i++) {
    const take = Math.min(8, reader.bitsLeft);
    shifted[i] = reader.bits(take) << (8 - take);
  }
  const config = serializeAudioSpecificConfig(parseAudioSpecificConfig(shifted));
  return { track: aacTrack(config), frames: Math.min(frames, MAX_FRAMES) };
}
