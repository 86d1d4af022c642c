/** Sends on_update: the newest snapshot only, one request at a time, never queued and never tried again. */
import type { Complaints } from '../net/index.ts';
import type { Clock, Log } from '../streams/index.ts';
import type { Delivery } from './delivery.ts';
import type { HeaderMaker } from './headers.ts';

export interface UpdateSenderDeps {
  readonly delivery: Pick<Delivery, 'post'>;
  readonly headers: HeaderMaker;
  readonly clock: Clock;
  readonly log: Log;
  readonly complaints: Complaints;
  /** Begins every update's id. */
  readonly idPrefix: string;
}

export interface UpdateCounters {
  sent: number;
  /** Replaced by a newer one before they were sent. */
  replaced: number;
  failed: number;
}

export class UpdateSender {
  readonly counters: UpdateCounters = { sent: 0, replaced: 0, failed: 0 };
  #url: string | null;
  readonly #deps: UpdateSenderDeps;
  #unsent: string | null = null;
  #state: 'held' | 'idle' | 'sending' | 'stopped';
  #count = 0;

  /** @param url null: nothing is sent. @param held sends nothing until `release` */
  constructor(url: string | null, deps: UpdateSenderDeps, held: boolean) {
    this.#url = url;
    this.#deps = deps;
    this.#state = held ? 'held' : 'idle';
  }

  /** Sends `body` as soon as the one before it is answered, unless a newer one comes first. */
  offer(body: string): void {
    if (this.#url === null) return;
    if (this.#unsent !== null) this.counters.replaced++;
    this.#unsent = body;
    void this.#send();
  }

  /** What is sent from now on goes there; null: nothing is. */
  setUrl(url: string | null): void {
    this.#url = url;
    if (url === null) this.#unsent = null;
  }

  release(): void {
    if (this.#state !== 'held') return;
    this.#state = 'idle';
    void this.#send();
  }

  stop(): void {
    this.#state = 'stopped';
    this.#unsent = null;
  }

  async #send(): Promise<void> {
    while (this.#state === 'idle' && this.#unsent !== null && this.#url !== null) {
      const body = this.#unsent;
      this.#unsent = null;
      this.#state = 'sending';
      await this.#post(this.#url, body);
      if (this.#state === 'sending') this.#state = 'idle';
    }
  }

  async #post(url: string, body: string): Promise<void> {
    const { delivery, headers, clock, log, complaints } = this.#deps;
    const id = `${this.#deps.idPrefix}update-${++this.#count}`;
    const answer = await delivery.post(url, headers.plain(id, body, clock.unixMs()), body);
    if (answer.kind === 'answered' && answer.status >= 200 && answer.status < 300) {
      this.counters.sent++;
      return;
    }
    this.counters.failed++;
    const why = answer.kind === 'answered' ? `answered ${answer.status}` : answer.why;
    complaints.about('on_update', (times) => log.warn({ url, why, times }, 'on_update not delivered'));
  }
}
