/** The hub's side of one player thread: its sessions as peers of the hub, and the streams that it is sent. */
import { NO_TRACKS, type Tracks } from '../media/index.ts';
import type {
  AudienceOptions,
  Branch,
  Branched,
  BranchOwner,
  Fact,
  Hub,
  Ledger,
  LocalSubscription,
  Log,
  MuxedGop,
  Peer,
  Publisher,
  Refusal,
  SessionCounter,
  SessionIdentity,
  StopReason,
  SubscribeResult,
} from '../streams/index.ts';
import { formatByName } from './formats.ts';
import type { Link } from './link.ts';
import { COUNTER_FIELDS, type FromThread, type ToThread } from './messages.ts';
import { type Missed, ThreadBranch } from './thread-branch.ts';

/** The hub of this very thread. */
export interface LocalHub extends Hub {
  subscribe(identity: SessionIdentity, peer: Peer): Promise<SubscribeResult<LocalSubscription>>;
}

export interface ThreadHubDeps {
  readonly hub: LocalHub;
  readonly ledger: Ledger;
  readonly counter: SessionCounter;
  readonly log: Log;
}

type AskMessage = Extract<FromThread, { kind: 'publish' | 'subscribe' }>;

/** What a thread says that concerns the hub. */
export type HubMessage = Exclude<
  FromThread,
  { kind: 'listening' | 'not listening' | 'log' | 'fault' | 'ask' | 'abandon' | 'sent' | 'finished' }
>;

/** A session of the thread, as far as it has come. */
interface ThreadSession {
  readBytes: number;
  wroteBytes: number;
  lostPackets: number;
  opened:
    | { readonly kind: 'publisher'; readonly publisher: Publisher }
    | { readonly kind: 'subscriber'; readonly subscription: LocalSubscription; branched: Branched | null }
    | null;
  /** The hub wanted it ended before the thread was told that it was let in. */
  closeAtOnce: StopReason | null;
}

/** Connections that have an id and are no session yet; of more the oldest are forgotten, and get another id. */
const MAX_CONNECTED = 10_000;

export class ThreadHub implements BranchOwner {
  readonly #link: Link<ToThread, FromThread>;
  readonly #deps: ThreadHubDeps;
  readonly #sessions = new Map<number, ThreadSession>();
  /** The thread's audiences by number. */
  readonly #audiences = new Map<Branch, number>();
  #lastAudience = 0;
  /** Ids of connections that are no sessions yet, by the ids that the thread knows them by. */
  readonly #connected = new Map<string, string>();
  readonly #missed: Missed = { frames: 0 };
  #isGone = false;

  constructor(link: Link<ToThread, FromThread>, deps: ThreadHubDeps) {
    this.#link = link;
    this.#deps = deps;
  }

  /** Handles what the thread said. A fault of ours ends the session that it is about, and no other. */
  handle(message: HubMessage): void {
    try {
      this.#handle(message);
    } catch (error) {
      this.#deps.log.error({ error }, 'a fault of the server ended a session of a player thread');
      if (!('key' in message)) return;
      const opened = this.#sessions.get(message.key)?.opened;
      if (opened?.kind === 'publisher') opened.publisher.close('protocol error');
      this.#link.send({ kind: 'close', key: message.key, reason: 'protocol error' });
    }
  }

  /** Once a second: the thread is asked how its sessions stand. */
  tick(): void {
    this.#link.send({ kind: 'tick' });
    const { frames } = this.#missed;
    if (frames === 0) return;
    this.#missed.frames = 0;
    this.#deps.log.warn({ frames }, 'a player thread does not keep up: frames were left out for all its players');
  }

  /** The thread is gone: its sessions have ended. */
  end(): void {
    this.#isGone = true;
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const { opened } of sessions) {
      if (opened?.kind === 'publisher') opened.publisher.close('server crashed');
      else opened?.subscription.close('server crashed');
    }
  }

  openBranch(options: AudienceOptions, gops: readonly MuxedGop[]): Branch {
    const audience = ++this.#lastAudience;
    const branch: Branch = new ThreadBranch(audience, this.#link, options, gops, this.#missed, () =>
      this.#audiences.delete(branch),
    );
    this.#audiences.set(branch, audience);
    return branch;
  }

  #handle(message: HubMessage): void {
    switch (message.kind) {
      case 'fact':
        this.#deps.ledger.record(this.#withId(message.fact));
        return;
      case 'publish':
        void this.#publish(message);
        return;
      case 'subscribe':
        void this.#subscribe(message);
        return;
      case 'counters':
        this.#count(message.numbers);
        return;
      default:
        this.#handleOf(message);
    }
  }

  /** What is said of a session that was let in; of one that has ended since, it is passed over. */
  #handleOf(message: Exclude<HubMessage, { kind: 'fact' | 'publish' | 'subscribe' | 'counters' }>): void {
    const session = this.#sessions.get(message.key);
    const opened = session?.opened ?? null;
    if (session === undefined || opened === null) return;
    if (message.kind === 'closed') {
      this.#sessions.delete(message.key);
      const { readBytes, wroteBytes, queuedBytes, isDropping, droppedFrames, lostPackets } = message.counters;
      session.readBytes = readBytes;
      session.wroteBytes = wroteBytes;
      session.lostPackets = lostPackets;
      if (opened.kind === 'publisher') opened.publisher.close(message.reason);
      else {
        opened.branched?.report(queuedBytes, isDropping, droppedFrames);
        opened.subscription.close(message.reason);
      }
    } else if (opened.kind === 'publisher') {
      if (message.kind === 'tracks') opened.publisher.setTracks(message.tracks);
      else if (message.kind === 'frame') {
        session.readBytes = message.readBytes;
        opened.publisher.write(message.frame);
      }
    } else if (message.kind === 'attach') {
      const format = formatByName(message.format);
      if (format === null) throw new Error(`no output format has the name ${message.format}`);
      opened.branched = opened.subscription.attachBranch(format, this);
      const audience = opened.branched === null ? undefined : this.#audiences.get(opened.branched.branch);
      if (opened.branched === null || audience === undefined) return;
      this.#link.send({ kind: 'join', key: message.key, audience, opening: opened.branched.opening });
    }
  }

  async #publish(message: AskMessage): Promise<void> {
    const { key } = message;
    const session = this.#begin(message);
    const result = await this.#ask((identity, peer) => this.#deps.hub.publish(identity, peer), message, session);
    if (!result.ok) {
      this.#link.send({ kind: 'published', key, result });
      return;
    }
    const { publisher } = result;
    session.opened = { kind: 'publisher', publisher };
    if (this.#isGone) publisher.close('server crashed');
    this.#link.send({ kind: 'published', key, result: { ok: true, id: publisher.id } });
    this.#closeLate(key, session);
  }

  async #subscribe(message: AskMessage): Promise<void> {
    const { key } = message;
    const session = this.#begin(message);
    const result = await this.#ask((identity, peer) => this.#deps.hub.subscribe(identity, peer), message, session);
    if (!result.ok) {
      this.#link.send({ kind: 'subscribed', key, result });
      return;
    }
    const { subscription } = result;
    session.opened = { kind: 'subscriber', subscription, branched: null };
    if (this.#isGone) {
      subscription.close('server crashed');
      return;
    }
    const { id, streamName } = subscription;
    let now = NO_TRACKS;
    let isTold = false;
    subscription.watchTracks((tracks: Tracks) => {
      now = tracks;
      if (isTold) this.#link.send({ kind: 'tracks', key, tracks });
    });
    this.#link.send({ kind: 'subscribed', key, result: { ok: true, id, streamName, tracks: now } });
    isTold = true;
    this.#closeLate(key, session);
  }

  #begin({ key, readBytes, wroteBytes }: AskMessage): ThreadSession {
    const session: ThreadSession = { readBytes, wroteBytes, lostPackets: 0, opened: null, closeAtOnce: null };
    this.#sessions.set(key, session);
    return session;
  }

  /** Asks the hub; a fault of ours is a refusal. A session that is refused is none. */
  async #ask<R extends { readonly ok: true }>(
    ask: (identity: SessionIdentity, peer: Peer) => Promise<R | Refusal>,
    message: AskMessage,
    session: ThreadSession,
  ): Promise<R | Refusal> {
    const { key, identity } = message;
    let result: R | Refusal;
    try {
      result = await ask({ ...identity, sessionId: this.#idOf(identity.sessionId) }, this.#peer(message, session));
    } catch (error) {
      this.#deps.log.error({ url: identity.url, error }, 'a fault of the server: a session was not let in');
      result = { ok: false, kind: 'denied', reason: 'a fault of the server' };
    }
    if (!result.ok) this.#sessions.delete(key);
    return result;
  }

  #peer({ key, bitrateWindowSec, idleTimeoutMs }: AskMessage, session: ThreadSession): Peer {
    return {
      readBytes: () => session.readBytes,
      wroteBytes: () => session.wroteBytes,
      lostPackets: () => session.lostPackets,
      close: (reason) => {
        if (session.opened === null) session.closeAtOnce = reason;
        else this.#link.send({ kind: 'close', key, reason });
      },
      ...(bitrateWindowSec === undefined ? {} : { bitrateWindowSec }),
      ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
    };
  }

  #closeLate(key: number, { closeAtOnce }: ThreadSession): void {
    if (closeAtOnce !== null) this.#link.send({ kind: 'close', key, reason: closeAtOnce });
  }

  #count(numbers: Float64Array): void {
    for (let at = 0; at + COUNTER_FIELDS <= numbers.length; at += COUNTER_FIELDS) {
      const [key = 0, readBytes = 0, wroteBytes = 0, droppedFrames = 0, queuedBytes = 0, isDropping = 0, lost = 0] =
        numbers.subarray(at, at + COUNTER_FIELDS);
      const session = this.#sessions.get(key);
      if (session === undefined) continue;
      session.readBytes = readBytes;
      session.wroteBytes = wroteBytes;
      session.lostPackets = lost;
      if (session.opened?.kind === 'subscriber') {
        session.opened.branched?.report(queuedBytes, isDropping === 1, droppedFrames);
      }
    }
  }

  #withId(fact: Fact): Fact {
    if (fact.kind !== 'rtmp_connect') return fact;
    const sessionId = this.#idOf(fact.sessionId);
    this.#connected.set(fact.sessionId, sessionId);
    if (this.#connected.size > MAX_CONNECTED) {
      const [oldest] = this.#connected.keys();
      if (oldest !== undefined) this.#connected.delete(oldest);
    }
    return { ...fact, sessionId };
  }

  /** A thread numbers its sessions by itself; the numbers that the world sees are given here, in one order for all. */
  #idOf(ofThread: string): string {
    const given = this.#connected.get(ofThread);
    this.#connected.delete(ofThread);
    if (given !== undefined) return given;
    const prefix = ofThread.replace(/\d+$/, '');
    return `${prefix}${this.#deps.counter.next(prefix)}`;
  }
}
