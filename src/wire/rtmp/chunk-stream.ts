/** One chunk stream on the receiving side: the last header, which later ones shorten against, and the message in progress. */

/** Bodies up to this length are allocated at once; longer ones grow as their bytes arrive. */
const ALLOCATED_AT_ONCE = 64 * 1024;

export class ChunkStream {
  readonly csid: number;
  /** Absolute, mod 2^32, milliseconds. */
  timestamp = 0;
  /** What a type 3 chunk that begins a message adds: the last delta, or after type 0 the timestamp (RTMP 5.3.1.2.4). */
  delta = 0;
  /** The last header's timestamp field was 0xFFFFFF, and its value (absolute or delta) followed in 32 bits. */
  extended = false;
  length = 0;
  typeId = 0;
  streamId = 0;
  /** Bytes of the message in progress that are here. */
  received = 0;
  /** A message has begun and is not whole yet. */
  busy = false;
  #body: Buffer | null = null;

  constructor(csid: number) {
    this.csid = csid;
  }

  /** Bytes of memory held for the message in progress. */
  get held(): number {
    return this.#body === null ? 0 : this.#body.length;
  }

  /** How large the body must be made so that `more` bytes fit; its present size where they do. */
  sizeFor(more: number): number {
    const needed = this.received + more;
    if (needed <= this.held) return this.held;
    return Math.min(this.length, Math.max(ALLOCATED_AT_ONCE, this.held * 2, needed));
  }

  /** Appends a part of the body, growing it to `size`, which is what `sizeFor` said. */
  append(bytes: Buffer, size: number): void {
    let body = this.#body;
    if (body === null || body.length < size) {
      const grown = Buffer.allocUnsafe(size);
      if (body !== null) body.copy(grown, 0, 0, this.received);
      body = grown;
      this.#body = grown;
    }
    bytes.copy(body, this.received);
    this.received += bytes.length;
  }

  /** The message is whole: gives its body and is ready for the next one. */
  take(): Buffer {
    const body = this.#body ?? Buffer.alloc(0);
    this.abandon();
    return body;
  }

  /** Forgets the message in progress; the header stays, for later ones to refer to. */
  abandon(): void {
    this.#body = null;
    this.received = 0;
    this.busy = false;
  }
}
