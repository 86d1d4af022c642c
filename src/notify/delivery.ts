/** One HTTP request to a receiver: POST over kept-alive connections, and what became of it. */
import type { Dispatcher } from 'undici';
import type { Outbound } from '../net/index.ts';
import type { Answer } from './retry-policy.ts';
import type { Timers } from './timers.ts';

export interface DeliveryOptions {
  /** Requests at a time and receiver; more wait for a connection. */
  readonly connections: number;
  /** From the call to the end of the answer. */
  readonly timeoutMs: number;
  readonly timers: Timers;
  readonly outbound: Outbound;
}

export interface Delivery {
  /** Never rejects. */
  post(url: string, headers: Record<string, string>, body: string): Promise<Answer>;
  /** Breaks off what is in flight; that counts as unanswered. */
  close(): Promise<void>;
  /** Takes no more; resolves once what is in flight is over. */
  retire(): Promise<void>;
}

/** An answer's body is read up to this and thrown away, so that the connection can be used again. */
const MAX_ANSWER_BYTES = 65_536;

export function createDelivery(options: DeliveryOptions): Delivery {
  const { connections, timeoutMs, timers, outbound } = options;
  const agent = outbound.httpAgent({ connections, connectTimeoutMs: timeoutMs });
  return {
    post(url, headers, body) {
      return new Promise((resolve) => {
        const exchange = new Exchange(timeoutMs, timers, resolve);
        try {
          const to = new URL(url);
          agent.dispatch(
            {
              origin: to.origin,
              path: to.pathname + to.search,
              method: 'POST',
              headers: to.username === '' ? headers : { ...headers, authorization: basicAuth(to) },
              body,
              // the exchange's own timer covers all of it, exactly; the agent's are coarse
              headersTimeout: 0,
              bodyTimeout: 0,
            },
            exchange,
          );
        } catch (error) {
          exchange.fail(error instanceof Error ? error : new Error(String(error)));
        }
      });
    },
    close: () => agent.destroy(),
    // `close` may come meanwhile, which fails it
    retire: () => agent.close().catch(() => {}),
  };
}

class Exchange implements Dispatcher.DispatchHandler {
  readonly #resolve: (answer: Answer) => void;
  readonly #cancelTimer: () => void;
  #controller: Dispatcher.DispatchController | null = null;
  #answer: Answer | null = null;
  #bodyBytes = 0;
  #done = false;

  constructor(timeoutMs: number, timers: Timers, resolve: (answer: Answer) => void) {
    this.#resolve = resolve;
    this.#cancelTimer = timers.after(timeoutMs, () => {
      this.#finish({ kind: 'unanswered', cause: 'timeout', why: `no answer within ${timeoutMs} ms` });
      this.#controller?.abort(new Error('timed out'));
    });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Timed out while it waited for a connection: it must not be sent behind the back of a retry.
    if (this.#done) controller.abort(new Error('timed out'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) return;
    const retryAfter = headers['retry-after'];
    this.#answer = { kind: 'answered', status, retryAfter: typeof retryAfter === 'string' ? retryAfter : null };
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bodyBytes += chunk.length;
    if (this.#bodyBytes > MAX_ANSWER_BYTES) {
      controller.abort(new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`));
    }
  }

  onResponseEnd(): void {
    const finish = (): void => this.#finish({ kind: 'unanswered', cause: 'lost', why: 'the answer has no status' });
    // undici uses the connection again from its own setImmediate, set after this call. Whoever sends next must come
    // after that one, or it would open another connection.
    setImmediate(() => setImmediate(finish));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.fail(error);
  }

  fail(error: Error): void {
    const cause = this.#controller === null ? 'unreachable' : 'lost';
    this.#finish({ kind: 'unanswered', cause, why: error.message === '' ? error.name : error.message });
  }

  /** A status that came counts, whatever happened after it. */
  #finish(otherwise: Answer): void {
    if (this.#done) return;
    this.#done = true;
    this.#cancelTimer();
    this.#resolve(this.#answer ?? otherwise);
  }
}

/** The URL's user and password as RFC 7617 has them. */
function basicAuth(url: URL): string {
  return `Basic ${Buffer.from(`${decoded(url.username)}:${decoded(url.password)}`).toString('base64')}`;
}

/** A percent sign that begins no escape stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
