/** Parts of the server that take a publication's frames themselves, rather than bytes of a format. */
import { type Frame, NO_TRACKS, type Tracks } from '../media/index.ts';
import type { Log, SessionIdentity } from './ports.ts';

/**
 * HLS, a record, a relay push: one per publication. None of its calls may block; what is slow (disk, network) it does
 * later, within a bound. Frames are seen by others too and must not be changed.
 */
export interface FrameConsumer {
  /** The publication's tracks: once when the consumer joins, and at each change; frames after this belong to them. */
  setTracks(tracks: Tracks): void;
  /** Times are the stream's own: they go on evenly over publishers that come back and clocks that jump. */
  write(frame: Frame): void;
  /** The publisher's clock jumped before the next frame, whose picture need not follow on the last one. */
  discontinuity(): void;
  /** The publication is over. The last call. */
  end(): void;
}

/** What a consumer is told of the publication that it may take. */
export interface Publication {
  readonly streamName: string;
  /** The group's. */
  readonly appName: string;
  readonly session: SessionIdentity;
}

/** Asked as each publication begins; null: it wants nothing of this one. */
export type ConsumerFactory = (publication: Publication) => FrameConsumer | null;

/** The consumers of one stream's publications. One that throws is ended, taken away, and hurts nobody else. */
export class Consumers {
  readonly #factories: readonly ConsumerFactory[];
  readonly #log: Log;
  readonly #onGiveUp: () => void;
  #consumers: FrameConsumer[] = [];
  /** Runs while they wait for the next publication. */
  #waiting: NodeJS.Timeout | null = null;

  /** @param onGiveUp called where they have waited in vain */
  constructor(factories: readonly ConsumerFactory[], log: Log, onGiveUp: () => void) {
    this.#factories = factories;
    this.#log = log;
    this.#onGiveUp = onGiveUp;
  }

  get isWaiting(): boolean {
    return this.#waiting !== null;
  }

  /** A publication begins: those who wait go on with it, else new ones are made. */
  begin(publication: Publication): void {
    if (this.#stopWaiting()) {
      this.discontinuity();
      return;
    }
    for (const factory of this.#factories) {
      let consumer: FrameConsumer | null = null;
      try {
        consumer = factory(publication);
      } catch (error) {
        const fields = { stream: publication.streamName, error };
        this.#log.error(fields, 'a consumer of a stream cannot begin; the stream goes on');
      }
      if (consumer !== null) this.add(consumer, NO_TRACKS);
    }
  }

  /** The publication is lost; the next one may go on with what they have begun, within this time. Milliseconds. */
  wait(ms: number): void {
    this.#waiting = setTimeout(() => {
      this.end();
      this.#onGiveUp();
    }, ms);
  }

  add(consumer: FrameConsumer, tracks: Tracks): void {
    this.#consumers = [...this.#consumers, consumer];
    this.#each([consumer], (each) => each.setTracks(tracks));
  }

  /** Nothing is called on it any more. */
  remove(consumer: FrameConsumer): void {
    this.#consumers = this.#consumers.filter((each) => each !== consumer);
  }

  setTracks(tracks: Tracks): void {
    this.#each(this.#consumers, (consumer) => consumer.setTracks(tracks));
  }

  write(frame: Frame): void {
    for (const consumer of this.#consumers) {
      try {
        consumer.write(frame);
      } catch (error) {
        this.#failed(consumer, error);
      }
    }
  }

  discontinuity(): void {
    this.#each(this.#consumers, (consumer) => consumer.discontinuity());
  }

  /** The publication is over, and so are they. */
  end(): void {
    this.#stopWaiting();
    const ended = this.#consumers;
    this.#consumers = [];
    this.#each(ended, (consumer) => consumer.end());
  }

  /** @returns whether they waited */
  #stopWaiting(): boolean {
    if (this.#waiting === null) return false;
    clearTimeout(this.#waiting);
    this.#waiting = null;
    return true;
  }

  #each(consumers: readonly FrameConsumer[], call: (consumer: FrameConsumer) => void): void {
    for (const consumer of consumers) {
      try {
        call(consumer);
      } catch (error) {
        this.#failed(consumer, error);
      }
    }
  }

  #failed(consumer: FrameConsumer, error: unknown): void {
    this.#log.error({ error }, 'a fault of the server ended a consumer of a stream; the stream goes on');
    // it may have been at its end
    if (!this.#consumers.includes(consumer)) return;
    this.remove(consumer);
    this.#each([consumer], (each) => each.end());
  }
}
