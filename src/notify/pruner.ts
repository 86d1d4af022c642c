/** Removes settled events once they have been kept long enough, in small steps with pauses between them. */
import type { Clock } from '../streams/index.ts';
import type { Reply, Request } from './outbox-messages.ts';
import type { Timers } from './timers.ts';

const INTERVAL_MS = 60_000;
const PAUSE_MS = 50;
const HOUR_MS = 3_600_000;

type AskToPrune = (request: Request<'prune'>, onReply: (reply: Reply<'prune'>) => void) => void;

export class Pruner {
  readonly #retentionMs: number;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #ask: AskToPrune;
  #cancel: () => void = () => {};
  #stopped = false;

  constructor(retentionHours: number, deps: { clock: Clock; timers: Timers }, ask: AskToPrune) {
    this.#retentionMs = retentionHours * HOUR_MS;
    this.#clock = deps.clock;
    this.#timers = deps.timers;
    this.#ask = ask;
  }

  start(): void {
    this.#next(INTERVAL_MS, 0);
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #next(delayMs: number, since: number): void {
    if (this.#stopped) return;
    this.#cancel = this.#timers.after(delayMs, () => {
      const settledBeforeMs = this.#clock.unixMs() - this.#retentionMs;
      this.#ask({ kind: 'prune', settledBeforeMs, since }, (reply) => {
        const next = reply.ok ? reply.value.next : null;
        if (next === null) this.#next(INTERVAL_MS, 0);
        else this.#next(PAUSE_MS, next);
      });
    });
  }
}
