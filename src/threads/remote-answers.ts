/** Answers over HTTP that the main thread gives, to requests that came in this player thread. */
import { type AnswerRoute, type HttpAnswer, type HttpRequestFacts, textAnswer } from '../net/index.ts';
import type { Link } from './link.ts';
import type { FromThread, ToThread } from './messages.ts';

/** Which requests are the route's; plain data and pure, so that every thread can tell. */
export type AnswerPaths = Pick<AnswerRoute, 'urlPattern' | 'description' | 'accepts'>;

/** Requests that wait for their answers; of more none is taken. */
const MAX_ASKED = 10_000;

export class RemoteAnswers implements AnswerRoute {
  readonly urlPattern: string;
  readonly description: string;
  readonly #paths: AnswerPaths;
  readonly #link: Link<FromThread, ToThread>;
  readonly #asked = new Map<number, { resolve(answer: HttpAnswer): void; reject(error: Error): void }>();
  /** Accounts of which nothing more is to be sent, with the number of answers that are still under way. */
  readonly #underWay = new Map<string, { answers: number; isStopped: boolean }>();
  #lastId = 0;

  constructor(paths: AnswerPaths, link: Link<FromThread, ToThread>) {
    this.urlPattern = paths.urlPattern;
    this.description = paths.description;
    this.#paths = paths;
    this.#link = link;
  }

  accepts(path: string): boolean {
    return this.#paths.accepts(path);
  }

  answer(request: HttpRequestFacts, gone?: AbortSignal): Promise<HttpAnswer> {
    if (this.#asked.size >= MAX_ASKED) return Promise.resolve(textAnswer(503, 'too many requests wait for an answer'));
    const id = ++this.#lastId;
    this.#link.send({ kind: 'ask', id, request });
    // the place is free once the main thread has let go of it
    gone?.addEventListener('abort', () => this.#abandon(id), { once: true });
    return new Promise((resolve, reject) => this.#asked.set(id, { resolve, reject }));
  }

  #abandon(id: number): void {
    if (this.#asked.has(id)) this.#link.send({ kind: 'abandon', id });
  }

  /** The main thread has the last word, but is not waited for. */
  sent(account: string, bytes: number): boolean {
    this.#link.send({ kind: 'sent', account, bytes });
    return this.#underWay.get(account)?.isStopped !== true;
  }

  finished(account: string): void {
    this.#link.send({ kind: 'finished', account });
    const entry = this.#underWay.get(account);
    if (entry !== undefined && --entry.answers === 0) this.#underWay.delete(account);
  }

  /** What the main thread answered; null: a fault there. */
  answered(id: number, answer: HttpAnswer | null): void {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (asked === undefined) return;
    if (answer?.account !== undefined) {
      const entry = this.#underWay.get(answer.account);
      if (entry === undefined) this.#underWay.set(answer.account, { answers: 1, isStopped: false });
      else entry.answers++;
    }
    if (answer === null) asked.reject(new Error('the main thread could not answer'));
    else asked.resolve(answer);
  }

  /** Nothing more of the account's bodies is to be sent. */
  stop(account: string): void {
    const entry = this.#underWay.get(account);
    if (entry !== undefined) entry.isStopped = true;
  }
}
