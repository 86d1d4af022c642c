/** Delivery as the options have it now: what is under way when they change ends as it began. */
import { createDelivery, type Delivery, type DeliveryOptions } from './delivery.ts';

export class LiveDelivery implements Pick<Delivery, 'post' | 'close'> {
  #options: DeliveryOptions;
  #current: Delivery;
  /** Replaced, with requests that are not answered yet. */
  readonly #retired = new Set<Delivery>();

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#current = createDelivery(options);
  }

  /** For the requests from now on. */
  update({ connections, timeoutMs }: Pick<DeliveryOptions, 'connections' | 'timeoutMs'>): void {
    if (connections === this.#options.connections && timeoutMs === this.#options.timeoutMs) return;
    const before = this.#current;
    this.#options = { ...this.#options, connections, timeoutMs };
    this.#current = createDelivery(this.#options);
    this.#retired.add(before);
    void before.retire().finally(() => this.#retired.delete(before));
  }

  post(...request: Parameters<Delivery['post']>): ReturnType<Delivery['post']> {
    return this.#current.post(...request);
  }

  async close(): Promise<void> {
    await Promise.all([this.#current, ...this.#retired].map((delivery) => delivery.close()));
  }
}
