/** Replays of events that are in the database, step by step: what is begun is brought to its end, also where the database fails meanwhile. */
import type { Log } from '../streams/index.ts';
import type { ReplayFilter } from './outbox.ts';
import type { Kind, Replies, Request } from './outbox-messages.ts';

/** A replay that fails though other changes are committed is tried so often again. */
const TRIES = 5;

export interface ReplaysDeps {
  readonly log: Log;
  readonly ask: <K extends Kind>(request: Request<K>) => Promise<Replies[K]>;
  /** So many events of the receiver wait again, the first of them with this number. */
  readonly onReplayed: (receiver: string, count: number, from: number) => void;
}

export class Replays {
  readonly #deps: ReplaysDeps;
  /** Those that failed. */
  #unfinished: (() => void)[] = [];

  constructor(deps: ReplaysDeps) {
    this.#deps = deps;
  }

  /** @returns how many events; rejects where the database fails, and then goes on once it can */
  async begin(filter: ReplayFilter): Promise<number> {
    const { run } = await this.#deps.ask({ kind: 'begin replay' });
    return this.#run({ kind: 'replay', filter, run, since: 0, isAgain: false }, TRIES);
  }

  /** Something was committed, so the database can be used: those that failed go on. */
  goOn(): void {
    for (const replay of this.#unfinished.splice(0)) replay();
  }

  async #run(first: Request<'replay'>, triesLeft: number): Promise<number> {
    const { ask, log, onReplayed } = this.#deps;
    let count = 0;
    for (let step: Request<'replay'> | null = first; step !== null; ) {
      const asked: Request<'replay'> = step;
      const { replayed, next }: Replies['replay'] = await ask(asked).catch((error: unknown) => {
        if (triesLeft > 0) {
          this.#unfinished.push(() => void this.#run({ ...asked, isAgain: true }, triesLeft - 1).catch(() => {}));
        } else log.error({ error, since: asked.since }, 'a replay is given up: the database cannot do it');
        throw error;
      });
      for (const { receiver, count: more, from } of replayed) {
        onReplayed(receiver, more, from);
        count += more;
      }
      step = next === null ? null : { ...asked, since: next, isAgain: false };
    }
    return count;
  }
}
