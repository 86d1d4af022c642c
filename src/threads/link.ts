/** Messages between two threads: sent in batches, their bytes copied once and handed over, what is under way counted. */
import { inspect } from 'node:util';
import type { Transferable } from 'node:worker_threads';

/** A `Worker` as its parent sees it, the parent as the worker sees it, or a `MessagePort`. */
export interface MessageEnd {
  postMessage(value: unknown, transfer: Transferable[]): void;
  on(event: 'message', listener: (value: unknown) => void): unknown;
}

/** Everything that was sent within one turn of the event loop. */
interface Envelope<M> {
  readonly messages: readonly M[];
  /** Of these messages. */
  readonly bytes: number;
  /** Bytes that came from the other side and have been handled. */
  readonly handled: number;
}

/** A link with more bytes than this under way is full: what can be left out is, until it has room again. */
const MAX_UNDER_WAY_BYTES = 64 * 1024 * 1024;
const ROOM_PART = 4;
/** The other side is told of what was handled when it is this part of the bound, or when there is something else to tell. */
const ACKNOWLEDGED_PART = 64;
/** What a message costs beside its buffers. Bytes. */
const MESSAGE_BYTES = 128;

/** One end. Messages are plain data; buffers in them come out as `Buffer`s of their own, other typed arrays as they are. */
export class Link<Out, In> {
  readonly #end: MessageEnd;
  readonly #maxBytes: number;
  #queue: Out[] = [];
  #transfer: Transferable[] = [];
  #queuedBytes = 0;
  #underWay = 0;
  #handled = 0;
  #isScheduled = false;
  #isClosed = false;

  constructor(end: MessageEnd, onMessage: (message: In) => void, maxBytes = MAX_UNDER_WAY_BYTES) {
    this.#end = end;
    this.#maxBytes = maxBytes;
    end.on('message', (value) => {
      const { messages, bytes, handled } = value as Envelope<In>;
      this.#underWay -= handled;
      for (const message of messages) onMessage(received(message) as In);
      this.#handled += bytes;
      if (this.#handled >= this.#maxBytes / ACKNOWLEDGED_PART) this.#schedule();
    });
  }

  /** Whether more bytes are under way than the other side should be burdened with. */
  get isFull(): boolean {
    return this.#underWay + this.#queuedBytes > this.#maxBytes;
  }

  /** Whether it is well below that again. */
  get hasRoom(): boolean {
    return this.#underWay + this.#queuedBytes <= this.#maxBytes / ROOM_PART;
  }

  /** What the message holds may be changed afterwards. */
  send(message: Out): void {
    if (this.#isClosed) return;
    this.#queuedBytes += MESSAGE_BYTES;
    this.#queue.push(this.#detached(message) as Out);
    this.#schedule();
  }

  /** The other side is gone: nothing is sent any more. */
  close(): void {
    this.#isClosed = true;
    this.#queue = [];
    this.#transfer = [];
  }

  /** Within the turn, so that nothing waits for more than what came together. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isScheduled = false;
    if (this.#isClosed) return;
    const envelope: Envelope<Out> = { messages: this.#queue, bytes: this.#queuedBytes, handled: this.#handled };
    const transfer = this.#transfer;
    this.#underWay += this.#queuedBytes;
    this.#queue = [];
    this.#transfer = [];
    this.#queuedBytes = 0;
    this.#handled = 0;
    this.#end.postMessage(envelope, transfer);
  }

  /**
   * A copy that shares no memory. Buffers are mostly parts of larger ones, of which a clone would copy the whole; each is
   * copied once, and the copy handed over.
   */
  #detached(value: unknown): unknown {
    if (value instanceof Uint8Array) {
      const copy = Buffer.allocUnsafeSlow(value.length);
      copy.set(value);
      this.#queuedBytes += copy.length;
      if (copy.length > 0) this.#transfer.push(copy.buffer);
      return copy;
    }
    if (ArrayBuffer.isView(value)) {
      this.#queuedBytes += value.byteLength;
      return value;
    }
    if (Array.isArray(value)) return value.map((item) => this.#detached(item));
    if (isPlain(value)) {
      const copy: Record<string, unknown> = {};
      for (const key in value) copy[key] = this.#detached(value[key]);
      return copy;
    }
    return typeof value === 'object' || typeof value === 'function' || typeof value === 'symbol' ? told(value) : value;
  }
}

/** Errors as they are; what no other thread can be given, as text. */
function told(value: unknown): unknown {
  return value === null || value instanceof Error ? value : inspect(value);
}

/** Bytes came as `Uint8Array`. */
function received(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length);
  if (Array.isArray(value)) return value.map(received);
  if (isPlain(value)) for (const key in value) value[key] = received(value[key]);
  return value;
}

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
