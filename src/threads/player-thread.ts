/** One player thread as the main thread sees it, from its start to its end. */
import type { Worker } from 'node:worker_threads';
import type { AnswerRoute, PeerFaults } from '../net/index.ts';
import { Link } from './link.ts';
import type { FromThread, ToThread } from './messages.ts';
import type { PlayerOptions } from './ports.ts';
import { ThreadAnswers } from './thread-answers.ts';
import { ThreadHub, type ThreadHubDeps } from './thread-hub.ts';

export interface PlayerThreadDeps extends ThreadHubDeps {
  /** Absent: nothing is answered for the threads. */
  readonly answers?: AnswerRoute;
  readonly faults: PeerFaults;
}

/** Where a thread listens. */
export interface Bound {
  readonly host: string;
  readonly port: number;
}

interface Waiting {
  readonly resolve: (bound: Bound) => void;
  readonly reject: (error: Error) => void;
}

/** A thread that has not answered for so many seconds is taken for hung, and ended. */
const MAX_UNANSWERED_TICKS = 30;

export class PlayerThread {
  readonly #worker: Worker;
  readonly #link: Link<ToThread, FromThread>;
  readonly #hub: ThreadHub;
  readonly #answers: ThreadAnswers;
  readonly #deps: PlayerThreadDeps;
  /** Who waits for a port to be bound, by its index. */
  readonly #binding = new Map<number, Waiting>();
  readonly #onEnd: (why: string) => void;
  #unansweredTicks = 0;
  #why: string | null = null;

  /** @param onEnd the thread is gone, whatever ended it; its sessions have had their stops. Once */
  constructor(worker: Worker, deps: PlayerThreadDeps, onEnd: (why: string) => void) {
    this.#worker = worker;
    this.#deps = deps;
    this.#onEnd = onEnd;
    this.#link = new Link(worker, (message) => this.#handle(message));
    this.#hub = new ThreadHub(this.#link, deps);
    this.#answers = new ThreadAnswers(deps.answers ?? null, this.#link, deps.log);
    worker.on('error', (error: unknown) =>
      this.#end(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    );
    worker.on('exit', (code) => this.#end(`exit code ${code}`));
  }

  /** Rejects where the port cannot be bound, or the thread ends before. @param index of the port; `port` 0: any */
  listen(index: number, port: number): Promise<Bound> {
    return new Promise((resolve, reject) => {
      if (this.#why !== null) reject(new Error(`the player thread ended: ${this.#why}`));
      this.#binding.set(index, { resolve, reject });
      this.#link.send({ kind: 'listen', index, port });
    });
  }

  /** Certificates and who must authenticate, for the connections from now on. */
  update(options: PlayerOptions): void {
    this.#link.send({ kind: 'update', options });
  }

  /** Lets nobody in any more. */
  stopListening(): void {
    this.#link.send({ kind: 'stop listening' });
  }

  /** Once a second. */
  tick(): void {
    if (++this.#unansweredTicks > MAX_UNANSWERED_TICKS) {
      this.#end(`no answer for ${MAX_UNANSWERED_TICKS} s`);
      void this.#worker.terminate();
    } else this.#hub.tick();
  }

  /** Ends the thread, and with it what is left of its sessions. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #handle(message: FromThread): void {
    if (this.#why !== null) return;
    switch (message.kind) {
      case 'listening':
        this.#bound(message.index)?.resolve(message);
        return;
      case 'not listening':
        this.#bound(message.index)?.reject(new Error(message.why));
        return;
      case 'log':
        this.#deps.log[message.level](message.fields, message.message);
        return;
      case 'fault':
        this.#deps.faults.count(message.protocol, message.reason);
        return;
      case 'ask':
      case 'abandon':
      case 'sent':
      case 'finished':
        this.#answers.handle(message);
        return;
      case 'counters':
        this.#unansweredTicks = 0;
        this.#hub.handle(message);
        return;
      default:
        this.#hub.handle(message);
    }
  }

  #bound(index: number): Waiting | undefined {
    const waiting = this.#binding.get(index);
    this.#binding.delete(index);
    return waiting;
  }

  #end(why: string): void {
    if (this.#why !== null) return;
    this.#why = why;
    this.#link.close();
    this.#hub.end();
    this.#answers.end();
    for (const { reject } of this.#binding.values()) reject(new Error(`the player thread ended: ${why}`));
    this.#onEnd(why);
  }
}
