/** Ends a fuzzing run that never comes back from an input, and keeps that input: the main thread cannot, so a worker does. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { MAX_LONG_BYTES } from './mutate.ts';

/** An input that takes longer has no end. Seconds. */
const PATIENCE_SEC = 30;
/** Which input it is, how long it is, how long the file's name is; then the name, then the input. */
const HEAD_INTS = 3;
const HEAD_BYTES = HEAD_INTS * Int32Array.BYTES_PER_ELEMENT;
const MAX_NAME_BYTES = 4096;

export class Watchdog {
  readonly #shared = new SharedArrayBuffer(HEAD_BYTES + MAX_NAME_BYTES + MAX_LONG_BYTES);
  readonly #head = new Int32Array(this.#shared, 0, HEAD_INTS);
  readonly #content: Buffer = Buffer.from(this.#shared, HEAD_BYTES);
  readonly #worker: Worker;

  constructor() {
    this.#worker = new Worker(new URL(import.meta.url), { workerData: this.#shared });
    this.#worker.unref();
  }

  /** This input is tried from now on; `file` is where it is to be kept where it never ends. */
  watch(file: string, input: Buffer): void {
    const kept = input.subarray(0, MAX_LONG_BYTES);
    this.#head[1] = kept.length;
    this.#head[2] = this.#content.write(file, 0, MAX_NAME_BYTES);
    kept.copy(this.#content, MAX_NAME_BYTES);
    Atomics.add(this.#head, 0, 1);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

function guard(shared: SharedArrayBuffer): void {
  const head = new Int32Array(shared, 0, HEAD_INTS);
  const content = Buffer.from(shared, HEAD_BYTES);
  let [seen, seconds] = [0, 0];
  setInterval(() => {
    const count = Atomics.load(head, 0);
    seconds = count === seen ? seconds + 1 : 0;
    seen = count;
    if (seconds < PATIENCE_SEC || count === 0) return;
    const file = content.toString('utf8', 0, head[2]);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content.subarray(MAX_NAME_BYTES, MAX_NAME_BYTES + (head[1] ?? 0)));
    process.stderr.write(`an input takes more than ${PATIENCE_SEC} s: ${file}\n`, () =>
      process.kill(process.pid, 'SIGKILL'),
    );
  }, 1000);
}

if (!isMainThread && workerData instanceof SharedArrayBuffer) guard(workerData);
