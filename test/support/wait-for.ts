/** Things that arrive one after the other, and waiting for one of them: log lines, callbacks. */

/** How long anything that a test waits for may take. Milliseconds. */
export const PATIENCE_MS = 20_000;

interface Waiter<T> {
  readonly matches: (item: T) => boolean;
  readonly resolve: (item: T) => void;
}

/** Keeps all that arrived, in order. */
export class Arrivals<T> {
  readonly all: T[] = [];
  readonly #waiters = new Set<Waiter<T>>();
  readonly #describe: (item: T) => string;

  /** @param describe one line for the message of a wait that was in vain */
  constructor(describe: (item: T) => string) {
    this.#describe = describe;
  }

  add(item: T): void {
    this.all.push(item);
    for (const waiter of this.#waiters) {
      if (!waiter.matches(item)) continue;
      this.#waiters.delete(waiter);
      waiter.resolve(item);
    }
  }

  /** The first one that matches, whether it is here already or still to come; `from` leaves out those before. */
  waitFor(what: string, matches: (item: T) => boolean, from = 0): Promise<T> {
    const found = this.all.slice(from).find(matches);
    if (found !== undefined) return Promise.resolve(found);
    return withPatience(
      new Promise((resolve) => this.#waiters.add({ matches, resolve })),
      () => `${what} did not come; what came:\n${this.all.map(this.#describe).join('\n')}`,
    );
  }
}

/** The same promise, but rejected with `describe()` where it takes longer than anything in a test should. */
export function withPatience<T>(promise: Promise<T>, describe: () => string): Promise<T> {
  let timer: NodeJS.Timeout;
  const impatient = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`after ${PATIENCE_MS / 1000} s: ${describe()}`)), PATIENCE_MS);
  });
  return Promise.race([promise, impatient]).finally(() => clearTimeout(timer));
}

/** Asks again and again until the answer satisfies; for what can only be asked, such as a statistic or a playing browser. */
export async function poll<T>(what: string, ask: () => Promise<T>, satisfies: (answer: T) => boolean): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (satisfies(answer)) return answer;
    if (performance.now() > deadline) throw new Error(`${what}: still ${JSON.stringify(answer)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
