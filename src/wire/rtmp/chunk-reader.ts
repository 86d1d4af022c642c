/** Chunk stream to messages (RTMP 1.0 5.3): takes any split of the input and any interleaving of chunk streams. */
import { ByteQueue } from '../../media/index.ts';
import { ChunkStream } from './chunk-stream.ts';
import { RtmpError } from './error.ts';
import { parseAbort } from './messages/abort.ts';
import { parseSetChunkSize } from './messages/set-chunk-size.ts';
import { TYPE_ABORT, TYPE_SET_CHUNK_SIZE } from './messages/type-ids.ts';
import type { RawMessage } from './raw-message.ts';

/** RTMP 5.3: the chunk size until a Set Chunk Size message changes it. */
export const DEFAULT_CHUNK_SIZE = 128;
/** Default for `ChunkReaderOptions.maxMessageLength`, bytes: all that the 24-bit length field can say. */
export const MAX_MESSAGE_LENGTH = 16 * 1024 * 1024;
/** Chunk streams that one peer may use at a time; each costs a small object. Peers in use need fewer than ten. */
export const MAX_CHUNK_STREAMS = 1024;
/** Default for `ChunkReaderOptions.maxPendingBytes`. */
export const MAX_PENDING_BYTES = 32 * 1024 * 1024;

/** 0xFFFFFF in the 24-bit field: the value follows in 32 bits (RTMP 5.3.1.3). */
const EXTENDED = 0xffffff;
/** Bytes of message header per fmt (RTMP 5.3.1.2). */
const HEADER_SIZES = [11, 7, 3, 0] as const;

export interface ChunkReaderOptions {
  /** Longest message accepted, bytes. */
  readonly maxMessageLength?: number;
  /** Memory that half-received messages of one peer may hold together, bytes. */
  readonly maxPendingBytes?: number;
}

/**
 * Push what the socket gave, then take messages with `next()` until it gives null. Set Chunk Size and Abort take effect
 * here, at their place in the stream, and are given like all others.
 */
export class ChunkReader {
  readonly #queue = new ByteQueue();
  readonly #streams = new Map<number, ChunkStream>();
  #maxMessageLength = MAX_MESSAGE_LENGTH;
  #maxPendingBytes = MAX_PENDING_BYTES;
  #chunkSize = DEFAULT_CHUNK_SIZE;
  #pendingBytes = 0;
  /** The chunk stream whose chunk is being read, and what of the chunk is still to come. */
  #current: ChunkStream | null = null;
  #chunkLeft = 0;
  #failure: RtmpError | null = null;

  constructor(options: ChunkReaderOptions = {}) {
    this.allow(options);
  }

  /** Other bounds from the next message on; what is left out has its default. */
  allow({ maxMessageLength = MAX_MESSAGE_LENGTH, maxPendingBytes = MAX_PENDING_BYTES }: ChunkReaderOptions): void {
    this.#maxMessageLength = maxMessageLength;
    this.#maxPendingBytes = maxPendingBytes;
  }

  /** Memory held for half-received messages, bytes. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Takes bytes by reference; they must not change afterwards. */
  push(bytes: Buffer): void {
    this.#queue.push(bytes);
  }

  /**
   * The next whole message, or null until more is pushed. A payload that lay whole in one chunk of one push is a view of it.
   * @throws RtmpError where the peer broke the protocol or a limit, and again on each later call
   */
  next(): RawMessage | null {
    if (this.#failure !== null) throw this.#failure;
    try {
      for (;;) {
        if (this.#current === null) this.#current = this.#readHeader();
        if (this.#current === null) return null;
        const payload = this.#readPayload(this.#current);
        if (payload !== null) return this.#finish(this.#current, payload);
        if (this.#chunkLeft > 0) return null;
        this.#current = null;
      }
    } catch (error) {
      if (error instanceof RtmpError) this.#failure = error;
      throw error;
    }
  }

  /** Reads one chunk's headers if they are all there, and begins or goes on with its stream's message. */
  #readHeader(): ChunkStream | null {
    const queue = this.#queue;
    if (queue.length < 1) return null;
    const first = queue.byteAt(0);
    const fmt = first >> 6;
    let csid = first & 0x3f;
    let at = 1;
    // RTMP 5.3.1.1: 0 and 1 announce the 2- and 3-byte forms.
    if (csid < 2) {
      at = csid + 2;
      if (queue.length < at) return null;
      csid = 64 + queue.byteAt(1) + (csid === 1 ? queue.byteAt(2) * 256 : 0);
    }
    const known = this.#streams.get(csid);
    // librtmp opens chunk stream 2 with a type 1 header for its pings: time and message stream are 0 then.
    if (fmt >= 2 && known === undefined) {
      throw new RtmpError('bad-chunk', `a type ${fmt} chunk on chunk stream ${csid}, which had no header before it`);
    }
    const end = at + (HEADER_SIZES[fmt] ?? 0);
    if (queue.length < end) return null;
    const stream = known ?? this.#newStream(csid);
    if (fmt === 3) return this.#readType3(stream, at);

    const field = uint24(queue, at);
    const extended = field === EXTENDED;
    if (extended && queue.length < end + 4) return null;
    const time = extended ? uint32(queue, end) : field;
    const length = fmt < 2 ? uint24(queue, at + 3) : stream.length;
    const typeId = fmt < 2 ? queue.byteAt(at + 6) : stream.typeId;
    if (stream.busy) {
      this.#checkContinuation(stream, fmt, length, typeId);
    } else {
      stream.timestamp = fmt === 0 ? time : (stream.timestamp + time) >>> 0;
      stream.delta = time;
      stream.extended = extended;
      stream.length = length;
      stream.typeId = typeId;
      if (fmt === 0) stream.streamId = uint32LittleEndian(queue, at + 7);
    }
    queue.skip(extended ? end + 4 : end);
    this.#beginChunk(stream);
    return stream;
  }

  /** A type 3 chunk: no header of its own, `at` is behind the basic header. */
  #readType3(stream: ChunkStream, at: number): ChunkStream | null {
    let end = at;
    if (stream.extended) {
      const repeated = this.#extendedRepeated(stream, at);
      if (repeated === null) return null;
      if (repeated) end += 4;
    }
    if (!stream.busy) stream.timestamp = (stream.timestamp + stream.delta) >>> 0;
    this.#queue.skip(end);
    this.#beginChunk(stream);
    return stream;
  }

  /**
   * Whether the 4 bytes at `at` repeat the extended timestamp, as RTMP 5.3.1.3 has it; some peers leave it out, then the
   * payload begins there. Some repeat the absolute timestamp where the header held a delta. Null: too few bytes to tell.
   */
  #extendedRepeated(stream: ChunkStream, at: number): boolean | null {
    const here = Math.min(4, this.#queue.length - at);
    const absolute = stream.busy ? stream.timestamp : stream.timestamp + stream.delta;
    let isField = true;
    let isAbsolute = true;
    for (let i = 0; i < here; i++) {
      const byte = this.#queue.byteAt(at + i);
      const shift = 24 - 8 * i;
      if (byte !== ((stream.delta >>> shift) & 0xff)) isField = false;
      if (byte !== ((absolute >>> shift) & 0xff)) isAbsolute = false;
    }
    if (!isField && !isAbsolute) return false;
    return here === 4 ? true : null;
  }

  #beginChunk(stream: ChunkStream): void {
    if (!stream.busy) {
      if (stream.length > this.#maxMessageLength) {
        const limit = this.#maxMessageLength;
        throw new RtmpError(
          'limit',
          `a message of ${stream.length} bytes (type ${stream.typeId}), at most ${limit} allowed`,
        );
      }
      stream.busy = true;
    }
    this.#chunkLeft = Math.min(this.#chunkSize, stream.length - stream.received);
  }

  /** Senders in use begin continuation chunks with a full header now and then; it must be the message's own. */
  #checkContinuation(stream: ChunkStream, fmt: number, length: number, typeId: number): void {
    if (length === stream.length && typeId === stream.typeId) return;
    throw new RtmpError(
      'bad-chunk',
      `a type ${fmt} header (${length} bytes, type ${typeId}) on chunk stream ${stream.csid} amid a message ` +
        `(${stream.length} bytes, type ${stream.typeId}), of which ${stream.received} bytes had come`,
    );
  }

  /** Reads what is here of the chunk; gives the message's payload once it is whole. */
  #readPayload(stream: ChunkStream): Buffer | null {
    const queue = this.#queue;
    if (stream.received === 0 && this.#chunkLeft === stream.length) {
      // Whole in one chunk: a view, if it is also whole in one push.
      const piece = queue.consumePiece(stream.length);
      this.#chunkLeft -= piece.length;
      if (this.#chunkLeft === 0) {
        stream.abandon();
        return piece;
      }
      if (piece.length > 0) this.#append(stream, piece);
    }
    while (this.#chunkLeft > 0 && queue.length > 0) {
      const piece = queue.consumePiece(this.#chunkLeft);
      this.#chunkLeft -= piece.length;
      this.#append(stream, piece);
    }
    if (stream.received < stream.length) return null;
    this.#pendingBytes -= stream.held;
    return stream.take();
  }

  #append(stream: ChunkStream, piece: Buffer): void {
    const size = stream.sizeFor(piece.length);
    const pending = this.#pendingBytes + size - stream.held;
    if (pending > this.#maxPendingBytes) {
      const limit = this.#maxPendingBytes;
      throw new RtmpError('limit', `half-received messages need ${pending} bytes, at most ${limit} allowed`);
    }
    stream.append(piece, size);
    this.#pendingBytes = pending;
  }

  #finish(stream: ChunkStream, payload: Buffer): RawMessage {
    this.#current = null;
    if (stream.typeId === TYPE_SET_CHUNK_SIZE) {
      this.#chunkSize = parseSetChunkSize(payload).size;
    } else if (stream.typeId === TYPE_ABORT) {
      const aborted = this.#streams.get(parseAbort(payload).csid);
      if (aborted !== undefined) {
        this.#pendingBytes -= aborted.held;
        aborted.abandon();
      }
    }
    return { typeId: stream.typeId, streamId: stream.streamId, timestamp: stream.timestamp, payload };
  }

  #newStream(csid: number): ChunkStream {
    if (this.#streams.size >= MAX_CHUNK_STREAMS) {
      throw new RtmpError('limit', `chunk stream ${csid} is one more than the ${MAX_CHUNK_STREAMS} allowed`);
    }
    const stream = new ChunkStream(csid);
    this.#streams.set(csid, stream);
    return stream;
  }
}

function uint24(queue: ByteQueue, at: number): number {
  return (queue.byteAt(at) << 16) | (queue.byteAt(at + 1) << 8) | queue.byteAt(at + 2);
}

function uint32(queue: ByteQueue, at: number): number {
  return queue.byteAt(at) * 0x1000000 + uint24(queue, at + 1);
}

/** RTMP 5.3.1.2.1: the message stream id is the one little-endian field. */
function uint32LittleEndian(queue: ByteQueue, at: number): number {
  return uint24LittleEndian(queue, at) + queue.byteAt(at + 3) * 0x1000000;
}

function uint24LittleEndian(queue: ByteQueue, at: number): number {
  return queue.byteAt(at) | (queue.byteAt(at + 1) << 8) | (queue.byteAt(at + 2) << 16);
}
