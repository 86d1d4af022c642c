/** The sessions of one listener: looked after once a second, and at the server's end. */
import type { Socket } from 'node:net';
import type { Clock } from '../../streams/index.ts';
import type { RtspSession } from './session.ts';

const TICK_MS = 1000;

export class SessionSet {
  readonly #clock: Clock;
  readonly #sessions = new Set<RtspSession>();
  #ticker: NodeJS.Timeout | null = null;
  #isStopping = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Begins the round of time-outs. */
  start(): void {
    this.#ticker = setInterval(() => {
      const nowMs = this.#clock.monotonicMs();
      for (const session of this.#sessions) session.tick(nowMs);
      if (this.#isStopping && this.#sessions.size === 0 && this.#ticker !== null) clearInterval(this.#ticker);
    }, TICK_MS);
    this.#ticker.unref();
  }

  add(session: RtspSession, socket: Socket): void {
    this.#sessions.add(session);
    socket.once('close', () => this.#sessions.delete(session));
    if (this.#isStopping) session.closeIdle();
  }

  /** Ends those that are no session of the hub; the others are the hub's to end. */
  stop(): void {
    this.#isStopping = true;
    for (const session of this.#sessions) session.closeIdle();
  }
}
