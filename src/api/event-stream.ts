/** The stream of events to come: server-sent events that catch up from the store and go on live, to any number that resumes. */
import type { ServerResponse } from 'node:http';
import { remoteAddress } from '../net/index.ts';
import type { EventJson, NotifyAdmin } from '../notify/index.ts';
import type { Log } from '../streams/index.ts';

/** What a reader and all of them together may cost. */
export interface EventStreamLimits {
  /** Time between two signs of life, which also find readers that take nothing for one to two of them. Milliseconds. */
  readonly heartbeatMs: number;
  /** Live events that a reader has not taken yet when the next ones come; with more it is closed. Bytes. */
  readonly maxPendingBytes: number;
  /** Readers at a time. */
  readonly maxReaders: number;
  /** Live events that are held for a reader while it catches up; with more it reads the store once more. */
  readonly maxHeldEvents: number;
  /** Events read from the store at a time. */
  readonly pageEvents: number;
  /** What a reader is given to take the rest when the server closes. Milliseconds. */
  readonly flushMs: number;
}

export const EVENT_STREAM_LIMITS: EventStreamLimits = {
  heartbeatMs: 15_000,
  maxPendingBytes: 4 * 1024 * 1024,
  maxReaders: 64,
  maxHeldEvents: 1000,
  pageEvents: 500,
  flushMs: 2000,
};

/** How long a reader waits until it comes back. Milliseconds. */
const RETRY_MS = 1000;

/** An event in its form on the wire, made once for all readers. */
interface Message {
  readonly seq: number;
  readonly text: string;
}

/** All readers of the stream. */
export class EventStreams {
  readonly #notify: NotifyAdmin;
  readonly #log: Log;
  readonly #limits: EventStreamLimits;
  readonly #readers = new Set<Reader>();
  #unwatch: (() => void) | null = null;
  #heartbeat: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(notify: NotifyAdmin, log: Log, limits: EventStreamLimits) {
    this.#notify = notify;
    this.#log = log;
    this.#limits = limits;
  }

  /** Whether another reader may come. */
  get hasRoom(): boolean {
    return !this.#isClosed && this.#readers.size < this.#limits.maxReaders;
  }

  /** Gives `response`, whose head is written and not sent, every event after `since` until either side ends. */
  open(response: ServerResponse, since: number): void {
    if (response.destroyed) return;
    const reader = new Reader(response, since, this.#notify, this.#log, this.#limits);
    this.#readers.add(reader);
    response.once('close', () => this.#left(reader));
    // Before the store is read: what is committed meanwhile is in one of the two, or in both.
    this.#unwatch ??= this.#notify.watch((events) => this.#publish(events));
    this.#heartbeat ??= setInterval(() => {
      for (const each of this.#readers) each.beat();
    }, this.#limits.heartbeatMs);
    void reader.catchUp();
  }

  /** Ends every stream between two events. Resolves once the readers have the rest, or `flushMs` are over. */
  async close(): Promise<void> {
    this.#isClosed = true;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#limits.flushMs);
    });
    await Promise.race([late, Promise.all(Array.from(this.#readers, (reader) => reader.end()))]);
    clearTimeout(timer);
  }

  #publish(events: readonly EventJson[]): void {
    const messages = events.map(toMessage);
    for (const reader of this.#readers) reader.take(messages);
  }

  #left(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    this.#unwatch?.();
    this.#unwatch = null;
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
  }
}

class Reader {
  readonly #response: ServerResponse;
  readonly #notify: NotifyAdmin;
  readonly #log: Log;
  readonly #limits: EventStreamLimits;
  readonly #closed: Promise<void>;
  #isOver = false;
  /** The number of the last event that was written, or that the reader had before. */
  #last: number;
  /** Live events that came since the last look into the store; null once the reader is live. */
  #held: Message[] | null = [];
  /** Whether `#held` was not enough for all that came. */
  #hasMissed = false;
  /** Whether the reader had not taken everything at the last heartbeat, nor since. */
  #isLate = false;

  constructor(response: ServerResponse, since: number, notify: NotifyAdmin, log: Log, limits: EventStreamLimits) {
    this.#response = response;
    this.#notify = notify;
    this.#log = log;
    this.#limits = limits;
    this.#last = since;
    this.#closed = new Promise((resolve) => {
      response.once('close', () => {
        this.#isOver = true;
        resolve();
      });
    });
    // A write to a connection that broke this moment; its `close` follows.
    response.on('error', () => undefined);
    response.on('drain', () => {
      this.#isLate = false;
    });
    // The id goes without an event, so that who loses the connection before the first one also resumes here.
    response.write(`retry: ${RETRY_MS}\nid: ${since}\n\n`);
  }

  /** Reads the store until the reader has all of it, then lets it go live. Never rejects. */
  async catchUp(): Promise<void> {
    try {
      while (!this.#isOver) {
        this.#held = [];
        this.#hasMissed = false;
        const limit = this.#limits.pageEvents;
        const page = await this.#notify.events({ since: this.#last, streamName: null, state: null, limit });
        if (this.#isOver) return;
        this.#write(page.map(toMessage));
        // No await from here to live: nothing can come between.
        if (page.length < limit && !this.#hasMissed) {
          this.#write(this.#held);
          this.#held = null;
          return;
        }
        await this.#drained();
      }
    } catch (error) {
      this.#log.error({ error }, 'An event stream was closed: the events could not be read');
      void this.end();
    }
  }

  /** Live events. A reader that does not take them is closed: the store has them when it comes back. */
  take(messages: readonly Message[]): void {
    if (this.#isOver) return;
    if (this.#held === null) {
      // Of what came before, so that a large batch alone closes nobody.
      if (this.#response.writableLength > this.#limits.maxPendingBytes) this.#cut();
      else this.#write(messages);
    } else if (this.#held.length + messages.length <= this.#limits.maxHeldEvents) {
      this.#held.push(...messages);
    } else {
      this.#held = [];
      this.#hasMissed = true;
    }
  }

  /** A comment, which keeps proxies from closing a quiet stream. */
  beat(): void {
    if (this.#isOver) return;
    if (!this.#response.writableNeedDrain) this.#response.write(':\n\n');
    else if (this.#isLate) this.#cut();
    else this.#isLate = true;
  }

  /** Ends the stream after what is written. Resolves when the connection is done with it. */
  end(): Promise<void> {
    this.#isOver = true;
    this.#response.end();
    return this.#closed;
  }

  #cut(): void {
    this.#isOver = true;
    const fields = {
      remoteAddr: remoteAddress(this.#response.req.socket),
      pendingBytes: this.#response.writableLength,
    };
    this.#log.warn({ ...fields, lastSeq: this.#last }, 'An event stream was closed: its reader is too slow');
    this.#response.destroy();
  }

  #write(messages: readonly Message[]): void {
    let text = '';
    for (const message of messages) {
      if (message.seq <= this.#last) continue;
      text += message.text;
      this.#last = message.seq;
    }
    if (text !== '') this.#response.write(text);
  }

  #drained(): Promise<unknown> {
    if (!this.#response.writableNeedDrain) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#response.once('drain', resolve);
    return Promise.race([promise, this.#closed]);
  }
}

/** HTML, 9.2.6: fields a line each, the event at the empty line. JSON has no line breaks of its own. */
function toMessage(event: EventJson): Message {
  return { seq: event.seq, text: `id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n` };
}
