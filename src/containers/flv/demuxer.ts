/** FLV bytes in any pieces to tracks and frames. */
import { ByteQueue } from '../../media/index.ts';
import {
  FLV_HAS_AUDIO,
  FLV_HAS_VIDEO,
  FLV_HEADER_BYTES,
  PREVIOUS_TAG_SIZE_BYTES,
  parseFlvHeader,
  TAG_HEADER_BYTES,
} from './tag.ts';
import type { TagEvent } from './tag-reader.ts';
import { TagReader } from './tag-reader.ts';

export type FlvEvent = { readonly kind: 'header'; readonly hasVideo: boolean; readonly hasAudio: boolean } | TagEvent;

/** Of a tag's first byte: the body is encrypted (annex E.4.1). */
const FILTER_BIT = 0x20;
const TYPE_BITS = 0x1f;

/** The header of the tag whose body is awaited. */
interface PendingTag {
  readonly type: number;
  readonly encrypted: boolean;
  readonly length: number;
  readonly timestamp: number;
}

/** One FLV file or HTTP-FLV response. Times are milliseconds, unwrapped from 32 bits. */
export class FlvDemuxer {
  readonly #queue = new ByteQueue();
  readonly #reader = new TagReader();
  #headerDone = false;
  #tag: PendingTag | null = null;

  /**
   * @param bytes kept and viewed by frames, so they must not be changed afterwards
   * @returns what became complete, in order
   * @throws FlvError where the header is not FLV's; nothing more can be read then
   */
  push(bytes: Buffer): FlvEvent[] {
    this.#queue.push(bytes);
    const events: FlvEvent[] = [];
    if (!this.#headerDone) this.#readHeader(events);
    if (this.#headerDone) {
      while (this.#readTag(events));
    }
    return events;
  }

  #readHeader(events: FlvEvent[]): void {
    if (this.#queue.length < FLV_HEADER_BYTES) return;
    const { flags, length } = parseFlvHeader(this.#queue.peek(FLV_HEADER_BYTES));
    const whole = length + PREVIOUS_TAG_SIZE_BYTES;
    if (this.#queue.length < whole) return;
    this.#queue.skip(whole);
    this.#headerDone = true;
    events.push({
      kind: 'header',
      hasVideo: (flags & FLV_HAS_VIDEO) !== 0,
      hasAudio: (flags & FLV_HAS_AUDIO) !== 0,
    });
  }

  /** @returns whether there may be another */
  #readTag(events: FlvEvent[]): boolean {
    this.#tag ??= this.#readTagHeader();
    const tag = this.#tag;
    if (tag === null || this.#queue.length < tag.length + PREVIOUS_TAG_SIZE_BYTES) return false;
    const body = this.#queue.consume(tag.length);
    // many writers get the previous tag size wrong, and nothing depends on it
    this.#queue.skip(PREVIOUS_TAG_SIZE_BYTES);
    this.#tag = null;
    if (tag.encrypted) events.push({ kind: 'unsupported', codecName: 'encrypted tag' });
    else this.#reader.read(tag.type, tag.timestamp, body, events);
    return true;
  }

  #readTagHeader(): PendingTag | null {
    if (this.#queue.length < TAG_HEADER_BYTES) return null;
    const header = this.#queue.consume(TAG_HEADER_BYTES);
    const first = header.readUInt8(0);
    return {
      type: first & TYPE_BITS,
      encrypted: (first & FILTER_BIT) !== 0,
      length: header.readUIntBE(1, 3),
      timestamp: header.readUInt8(7) * 0x1000000 + header.readUIntBE(4, 3),
    };
  }
}
