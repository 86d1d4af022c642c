/** The way to the database's thread: requests, answers in the same order, and the thread's end. */
import { Worker } from 'node:worker_threads';
import type { Failure, Kind, Reply, Request } from './outbox-messages.ts';

/** In the source tree the thread runs the source, in `dist/` what became of it. */
const WORKER_URL = import.meta.url.endsWith('.ts')
  ? new URL('./outbox-worker.ts', import.meta.url)
  : new URL('./outbox-worker.js', import.meta.url);

/** Memory of the thread: it holds one request and its answer at a time. */
const WORKER_LIMITS = { maxYoungGenerationSizeMb: 8, maxOldGenerationSizeMb: 256 };

export class WorkerLink {
  readonly #worker: Worker;
  readonly #asked = new Map<number, (reply: Reply) => void>();
  readonly #onEnd: (failure: Failure) => void;
  #nextId = 0;
  #why: string | null = null;

  /** `onEnd` is told where the thread ends and nobody who asked can be. */
  constructor(onEnd: (failure: Failure) => void) {
    this.#onEnd = onEnd;
    this.#worker = new Worker(WORKER_URL, { name: 'outbox', resourceLimits: WORKER_LIMITS });
    this.#worker.on('message', ({ id, reply }: { id: number; reply: Reply }) => {
      const onReply = this.#asked.get(id);
      this.#asked.delete(id);
      onReply?.(reply);
    });
    this.#worker.on('error', (error: unknown) => this.#end(error instanceof Error ? error.message : String(error)));
    this.#worker.on('exit', (code) => this.#end(`exit code ${code}`));
  }

  get isDead(): boolean {
    return this.#why !== null;
  }

  /** Calls back once with the answer; where the thread ends before it, with the failure `dead`. */
  ask<K extends Kind>(request: Request<K>, onReply: (reply: Reply<K>) => void): void {
    const id = this.#nextId++;
    this.#asked.set(id, onReply as (reply: Reply) => void);
    if (this.#why === null) this.#worker.postMessage({ id, request });
    else queueMicrotask(() => this.#end(this.#why ?? ''));
  }

  /** Ends the thread, whatever it does. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #end(why: string): void {
    const isNews = this.#why === null;
    this.#why ??= why;
    const failure: Failure = { code: 'dead', message: `the database’s thread ended: ${this.#why}` };
    const asked = [...this.#asked.values()];
    this.#asked.clear();
    for (const onReply of asked) onReply({ ok: false, failure });
    if (isNews && asked.length === 0) this.#onEnd(failure);
  }
}
