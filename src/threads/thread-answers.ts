/** The main thread's side of answers over HTTP: requests of one player thread are answered by the route that is here. */
import { type AnswerRoute, type HttpAnswer, type HttpRequestFacts, textAnswer } from '../net/index.ts';
import type { Log } from '../streams/index.ts';
import type { Link } from './link.ts';
import type { FromThread, ToThread } from './messages.ts';

/** What a thread says of requests. */
export type AnswerMessage = Extract<FromThread, { kind: 'ask' | 'abandon' | 'sent' | 'finished' }>;

export class ThreadAnswers {
  readonly #route: AnswerRoute | null;
  readonly #link: Link<ToThread, FromThread>;
  readonly #log: Log;
  /** Requests that are being answered, by their ids. */
  readonly #asked = new Map<number, AbortController>();
  /** Answers that the thread has not finished yet, by their account. */
  readonly #underWay = new Map<string, number>();
  #isGone = false;

  /** @param route null: nothing is answered */
  constructor(route: AnswerRoute | null, link: Link<ToThread, FromThread>, log: Log) {
    this.#route = route;
    this.#link = link;
    this.#log = log;
  }

  handle(message: AnswerMessage): void {
    switch (message.kind) {
      case 'ask':
        void this.#answer(message.id, message.request);
        return;
      case 'abandon':
        this.#asked.get(message.id)?.abort();
        return;
      case 'sent': {
        const { account, bytes } = message;
        if (this.#route?.sent?.(account, bytes) === false) this.#link.send({ kind: 'stop sending', account });
        return;
      }
      case 'finished':
        this.#finished(message.account);
    }
  }

  /** The thread is gone, and with it all that it was still sending. */
  end(): void {
    this.#isGone = true;
    for (const gone of this.#asked.values()) gone.abort();
    for (const [account, answers] of [...this.#underWay]) for (let i = 0; i < answers; i++) this.#finished(account);
  }

  async #answer(id: number, request: HttpRequestFacts): Promise<void> {
    let answer: HttpAnswer | null = null;
    const gone = new AbortController();
    this.#asked.set(id, gone);
    try {
      answer = (await this.#route?.answer(request, gone.signal)) ?? null;
    } catch (error) {
      this.#log.error({ url: request.url, error }, 'a fault of the server ended a request');
    }
    this.#asked.delete(id);
    const account = answer?.account;
    if (account !== undefined) this.#begun(account);
    // what a thread has not taken yet must not pile up, and what is gone takes nothing
    const isTaken = !this.#isGone && (answer === null || !this.#link.isFull);
    if (!isTaken && account !== undefined) this.#finished(account);
    this.#link.send({ kind: 'answer', id, answer: isTaken ? answer : textAnswer(503, 'this server does not keep up') });
  }

  #begun(account: string): void {
    this.#underWay.set(account, (this.#underWay.get(account) ?? 0) + 1);
  }

  #finished(account: string): void {
    const answers = this.#underWay.get(account);
    if (answers === undefined) return;
    if (answers === 1) this.#underWay.delete(account);
    else this.#underWay.set(account, answers - 1);
    this.#route?.finished?.(account);
  }
}
