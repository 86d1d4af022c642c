/** Hands the server's events to a function: those of one stream one after the other, whatever happens in it. */
import type { LalInfoJson, NotifyMessage } from '../notify/index.ts';
import type { Log } from '../streams/index.ts';

/**
 * An event of HTTP Notify: `event` is its name, `body` what a receiver would be sent, `streamName` the stream that it
 * belongs to (null where it belongs to none); a stop has the `reason` for which the session ended.
 */
export type ServerEvent =
  | Exclude<NotifyMessage, { readonly event: 'on_server_start' }>
  | { readonly event: 'on_server_start'; readonly streamName: null; readonly body: LalInfoJson };

/** Takes events. The next one of the same stream comes once it has resolved. */
export type EventHandler = (event: ServerEvent) => void | Promise<void>;

/** Events that wait for the function at most; later ones are lost, and counted. */
const MAX_WAITING = 100_000;
const SERVER_LANE = 'server';

export class EventQueue {
  readonly #handler: EventHandler;
  readonly #log: Log;
  /** What each lane's next event waits for; a lane without one is idle. */
  readonly #last = new Map<string, Promise<void>>();
  /** Until on_server_start is done with: everything after it waits. */
  #serverStart: Promise<void> | null = null;
  /** The newest on_update where one waits: it goes out in the other's place. */
  #update: ServerEvent | null = null;
  #waiting = 0;
  #dropped = 0;
  #onIdle: (() => void) | null = null;

  constructor(handler: EventHandler, log: Log) {
    this.#handler = handler;
    this.#log = log;
  }

  /** Never throws, and calls nothing before its caller has returned. */
  push(event: ServerEvent): void {
    if (event.event === 'on_update') {
      const isQueued = this.#update !== null;
      this.#update = event;
      if (isQueued) return;
    }
    if (this.#waiting >= MAX_WAITING) {
      this.#drop(event);
      return;
    }
    const done = this.#enqueue(event, lanesOf(event));
    if (event.event !== 'on_server_start') return;
    this.#serverStart = done.finally(() => {
      this.#serverStart = null;
    });
  }

  /** Resolves when all are done with, or after `deadlineMs`; to how many are not. */
  async drain(deadlineMs: number): Promise<number> {
    if (this.#waiting === 0) return 0;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, deadlineMs);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    return this.#waiting;
  }

  #enqueue(event: ServerEvent, lanes: readonly string[]): Promise<void> {
    this.#waiting++;
    const before = lanes.map((lane) => this.#last.get(lane)).concat(this.#serverStart ?? []);
    const done = Promise.all(before).then(() => this.#handle(event));
    for (const lane of lanes) this.#last.set(lane, done);
    return done.finally(() => {
      for (const lane of lanes) if (this.#last.get(lane) === done) this.#last.delete(lane);
      this.#waiting--;
      if (this.#waiting === 0) this.#onIdle?.();
    });
  }

  async #handle(event: ServerEvent): Promise<void> {
    let newest = event;
    if (event.event === 'on_update') {
      newest = this.#update ?? event;
      this.#update = null;
    }
    try {
      await this.#handler(newest);
    } catch (error) {
      const { event: name, streamName: stream } = newest;
      this.#log.error({ event: name, stream, error }, 'the event handler failed; the event is not handed to it again');
    }
  }

  #drop({ event, streamName }: ServerEvent): void {
    if (event === 'on_update') this.#update = null;
    this.#dropped++;
    // one line for the first and then for each thousandth
    if (this.#dropped % 1000 !== 1) return;
    const fields = { event, stream: streamName, dropped: this.#dropped };
    this.#log.error(fields, 'events lost: too many wait for the event handler');
  }
}

/** An RTMP session's on_rtmp_connect comes before its other events, though it belongs to no stream. */
function lanesOf(event: ServerEvent): string[] {
  if (event.streamName === null) {
    return [event.event === 'on_rtmp_connect' ? sessionLane(event.body) : SERVER_LANE];
  }
  const lanes = [`stream ${event.streamName}`];
  if ('session_id' in event.body) lanes.push(sessionLane(event.body));
  return lanes;
}

function sessionLane({ session_id }: { readonly session_id: string }): string {
  return `session ${session_id}`;
}
