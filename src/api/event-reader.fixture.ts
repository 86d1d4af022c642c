/** Test helper: a reader of the event stream over HTTP, as a browser reads it. */
import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import type { EventJson } from '../notify/index.ts';

/** A reader that is connected: what it has seen, and how it ended. */
export class EventReader {
  readonly headers: http.IncomingHttpHeaders;
  /** Numbers of the events, as their `id` lines say. */
  readonly ids: number[] = [];
  readonly events: EventJson[] = [];
  comments = 0;
  /** What a browser would send as Last-Event-ID. */
  lastEventId = '';
  /** `ended`: by the server, between two chunks; `broken`: any other way. */
  readonly closed: Promise<'ended' | 'broken'>;
  readonly #response: http.IncomingMessage;
  readonly #news = new EventEmitter();
  #rest = '';
  #isOver = false;

  constructor(response: http.IncomingMessage) {
    this.headers = response.headers;
    this.#response = response;
    response.setEncoding('utf8');
    response.on('data', (piece: string) => this.#push(piece));
    response.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      response.once('close', () => {
        this.#isOver = true;
        this.#news.emit('news');
        resolve(response.complete ? 'ended' : 'broken');
      });
    });
  }

  /** Waits until the condition holds; throws where the stream ends before. */
  async until(condition: (reader: EventReader) => boolean): Promise<this> {
    while (!condition(this)) {
      if (this.#isOver) throw new Error(`the stream ended after event ${this.lastEventId}`);
      await once(this.#news, 'news');
    }
    return this;
  }

  /** Takes nothing any more, until `resume`. */
  pause(): void {
    this.#response.pause();
  }

  resume(): void {
    this.#response.resume();
  }

  leave(): void {
    this.#response.destroy();
  }

  #push(piece: string): void {
    const blocks = (this.#rest + piece).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    for (const block of blocks) this.#block(block);
    this.#news.emit('news');
  }

  #block(block: string): void {
    for (const line of block.split('\n')) {
      const [field, value = ''] = line.split(/: ?(.*)/s);
      if (field === '') this.comments++;
      if (field === 'id') this.lastEventId = value;
      if (field === 'data') {
        this.ids.push(Number(this.lastEventId));
        this.events.push(JSON.parse(value) as EventJson);
      }
    }
  }
}

/** Connects; rejects where the answer is no stream. */
export function readEvents(port: number, query = '', lastEventId?: string): Promise<EventReader> {
  const headers = lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId };
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', path: `/api/notify/stream${query}`, headers, agent: false };
    const request = http.get(options, (response) => {
      if (response.headers['content-type'] === 'text/event-stream') resolve(new EventReader(response));
      else reject(new Error(`no stream but ${response.headers['content-type']}`));
    });
    request.on('error', reject);
  });
}

/** From `first` to `last`, both included. */
export function numbers(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
