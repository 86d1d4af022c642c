/** The hub as a player thread sees it: asks and tells the main thread, and has the audiences of this thread's players. */
import {
  Audience,
  type Fact,
  type Hub,
  type Ledger,
  type Log,
  type Peer,
  type PublishResult,
  type SessionCounter,
  type SessionIdentity,
  type SubscribeResult,
} from '../streams/index.ts';
import type { Link } from './link.ts';
import type { Counters, FromThread, ToThread } from './messages.ts';
import { RemotePublisher } from './remote-publisher.ts';
import { RemoteSubscription } from './remote-subscription.ts';

/** What the main thread says that concerns the hub. */
export type HubOrder = Exclude<ToThread, { kind: 'listen' | 'stop listening' | 'update' | 'answer' | 'stop sending' }>;
type AudienceOrder = Extract<ToThread, { audience: number }>;

/** Who waits to be let in. */
type Asked =
  | { readonly kind: 'publish'; readonly peer: Peer; readonly settle: (result: PublishResult) => void }
  | { readonly kind: 'subscribe'; readonly peer: Peer; readonly settle: (result: SubscribeResult) => void };

export class RemoteHub implements Hub, Ledger, SessionCounter {
  readonly #link: Link<FromThread, ToThread>;
  readonly #log: Log;
  readonly #asked = new Map<number, Asked>();
  readonly #sessions = new Map<number, RemotePublisher | RemoteSubscription>();
  readonly #audiences = new Map<number, Audience>();
  /** What the main thread was told of each session last. */
  readonly #told = new Map<number, Counters>();
  #lastKey = 0;
  #lastNumber = 0;

  constructor(link: Link<FromThread, ToThread>, log: Log) {
    this.#link = link;
    this.#log = log;
  }

  publish(identity: SessionIdentity, peer: Peer): Promise<PublishResult> {
    return new Promise((settle) => this.#ask({ kind: 'publish', peer, settle }, identity));
  }

  subscribe(identity: SessionIdentity, peer: Peer): Promise<SubscribeResult> {
    return new Promise((settle) => this.#ask({ kind: 'subscribe', peer, settle }, identity));
  }

  record(fact: Fact): void {
    this.#link.send({ kind: 'fact', fact });
  }

  /** Serves within this thread only: the numbers that the world sees are given by the main thread. */
  next(): number {
    return ++this.#lastNumber;
  }

  /** Does what the main thread said. */
  handle(order: HubOrder): void {
    switch (order.kind) {
      case 'tick':
        this.#tick();
        return;
      case 'published':
      case 'subscribed':
        this.#settle(order);
        return;
      case 'close':
        this.#sessions.get(order.key)?.askToClose(order.reason);
        return;
      case 'tracks': {
        const session = this.#sessions.get(order.key);
        if (session instanceof RemoteSubscription) session.setTracks(order.tracks);
        return;
      }
      case 'open audience':
        this.#audiences.set(order.audience, new Audience(order.options, order.gops));
        return;
      case 'close audience':
        this.#audiences.delete(order.audience);
        return;
      default: {
        const audience = this.#audiences.get(order.audience);
        if (audience !== undefined) this.#tell(audience, order);
      }
    }
  }

  #tell(audience: Audience, order: Exclude<AudienceOrder, { kind: 'open audience' | 'close audience' }>): void {
    switch (order.kind) {
      case 'batch':
        audience.write(order);
        return;
      case 'join': {
        const session = this.#sessions.get(order.key);
        if (session instanceof RemoteSubscription) session.join(audience, order.opening);
        return;
      }
      case 'track bytes':
        audience.writeTracks(order.bytes);
        return;
      case 'missed':
        audience.miss(order.frames);
        return;
      case 'drop cache':
        audience.dropCache();
        return;
      case 'restart':
        audience.restart();
        return;
    }
  }

  #ask(asked: Asked, identity: SessionIdentity): void {
    const key = ++this.#lastKey;
    this.#asked.set(key, asked);
    const { bitrateWindowSec, idleTimeoutMs } = asked.peer;
    const [readBytes, wroteBytes] = [asked.peer.readBytes(), asked.peer.wroteBytes()];
    this.#link.send({ kind: asked.kind, key, identity, readBytes, wroteBytes, bitrateWindowSec, idleTimeoutMs });
  }

  #settle({ key, ...order }: Extract<ToThread, { kind: 'published' | 'subscribed' }>): void {
    const asked = this.#asked.get(key);
    this.#asked.delete(key);
    if (asked === undefined) return;
    const onClosed = (): void => {
      this.#sessions.delete(key);
      this.#told.delete(key);
    };
    if (!order.result.ok) asked.settle(order.result);
    else if (order.kind === 'published' && asked.kind === 'publish') {
      const publisher = new RemotePublisher(order.result.id, key, asked.peer, this.#link, this.#log, onClosed);
      this.#sessions.set(key, publisher);
      asked.settle({ ok: true, publisher });
    } else if (order.kind === 'subscribed' && asked.kind === 'subscribe') {
      const subscription = new RemoteSubscription(order.result, key, asked.peer, this.#link, onClosed);
      this.#sessions.set(key, subscription);
      asked.settle({ ok: true, subscription });
    }
  }

  /** Bounds of the audiences, and how the sessions stand, where that has changed; an answer in any case. */
  #tick(): void {
    for (const audience of this.#audiences.values()) audience.tick();
    const numbers: number[] = [];
    for (const [key, session] of this.#sessions) {
      const now = session.counters();
      const told = this.#told.get(key);
      if (told !== undefined && isSame(told, now)) continue;
      this.#told.set(key, now);
      const { readBytes, wroteBytes, droppedFrames, queuedBytes, isDropping, lostPackets } = now;
      numbers.push(key, readBytes, wroteBytes, droppedFrames, queuedBytes, isDropping ? 1 : 0, lostPackets);
    }
    this.#link.send({ kind: 'counters', numbers: Float64Array.from(numbers) });
  }
}

function isSame(a: Counters, b: Counters): boolean {
  return (
    a.readBytes === b.readBytes &&
    a.wroteBytes === b.wroteBytes &&
    a.droppedFrames === b.droppedFrames &&
    a.queuedBytes === b.queuedBytes &&
    a.isDropping === b.isDropping &&
    a.lostPackets === b.lostPackets
  );
}
