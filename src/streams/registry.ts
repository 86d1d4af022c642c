/** All streams by name: the one way in for publishers, subscribers, and commands from above. */
import type { OutputFormat, Tracks } from '../media/index.ts';
import type { Sink } from './audience.ts';
import type { ConsumerFactory, FrameConsumer } from './consumer.ts';
import { withDummyAudio } from './dummy-audio.ts';
import type { BranchOwner } from './fanout.ts';
import type { Admission, Decision, HubRefusals, SessionIdentity, StopReason, StreamChange } from './ports.ts';
import { type Peer, Session, type SessionDeps, type StreamState } from './session.ts';
import type { GroupSnapshot } from './snapshot.ts';
import { type Branched, type Publisher, Stream, type StreamOptions } from './stream.ts';
import type { Subscriber } from './subscriber.ts';

/** A subscription that was let in. */
export interface Subscription {
  readonly id: string;
  /** The stream that is played: the URL's, unless admission said another. */
  readonly streamName: string;
  /** Begins to send: the format's opening at once, then what is cached or comes. Once. */
  attach(format: OutputFormat, sink: Sink): void;
  /** Calls back at once with the stream's tracks, then at each change; NO_TRACKS where nothing is published. */
  watchTracks(listener: (tracks: Tracks) => void): void;
  /** The peer is gone and its byte counters are final; once, more calls do nothing. */
  close(reason: StopReason): void;
}

/** A subscription of the hub's own thread. */
export interface LocalSubscription extends Subscription {
  /** In place of `attach` where another thread has the socket; null where the session is to end. */
  attachBranch(format: OutputFormat, owner: BranchOwner): Branched | null;
}

/** Let in, or the reason why not, which the client is told. */
export type PublishResult = { readonly ok: true; readonly publisher: Publisher } | Refusal;
export type SubscribeResult<S = Subscription> = { readonly ok: true; readonly subscription: S } | Refusal;
export interface Refusal {
  readonly ok: false;
  /** `full`: a bound is reached. */
  readonly kind: 'denied' | 'taken' | 'stopping' | 'full';
  readonly reason: string;
}

/** Whether it may be worth another try later. */
export function isTemporary({ kind }: Refusal): boolean {
  return kind === 'stopping' || kind === 'full';
}

export interface RegistryDeps extends SessionDeps {
  readonly admission: Admission;
  /** Asked at each publication, in this order. */
  readonly consumers: readonly ConsumerFactory[];
  /** Absent: nobody counts. */
  readonly refusals?: HubRefusals;
  /** A session began or ended, or nobody is awaited any more. Never throws. */
  readonly onChange: (change: StreamChange) => void;
  /** A publication began that admission wants recorded. */
  readonly onRecordWanted: (streamName: string, format: RecordFormat) => void;
}

/** What a protocol needs of the hub. */
export interface Hub {
  /** Asks admission, then makes the peer the stream's publisher, unless it has one. */
  publish(identity: SessionIdentity, peer: Peer): Promise<PublishResult>;
  /** Asks admission, then opens a subscription; the stream need not be there yet. */
  subscribe(identity: SessionIdentity, peer: Peer): Promise<SubscribeResult>;
}

/** Who was let in, its session not begun yet. */
interface Admitted {
  readonly ok: true;
  readonly session: Session;
  readonly record: RecordFormat | undefined;
}

type RecordFormat = NonNullable<Extract<Decision, { ok: true }>['record']>;

const TICK_MS = 1000;
const NO_STATE: StreamState = { hasInSession: false, hasOutSession: false };

export class Registry implements Hub {
  readonly #streams = new Map<string, Stream>();
  #options: StreamOptions;
  readonly #deps: RegistryDeps;
  #ticker: NodeJS.Timeout | null = null;
  #isDraining = false;
  #stopping = false;
  #onAllGone: (() => void) | null = null;

  constructor(options: StreamOptions, deps: RegistryDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** For the streams that begin from now on; bounds on their number and their players for all. */
  update(options: StreamOptions): void {
    this.#options = options;
  }

  /** Starts the once-a-second round of bit rates and time-outs. @param afterRound called after each */
  start(afterRound: () => void = () => {}): void {
    this.#ticker = setInterval(() => {
      this.tick();
      afterRound();
    }, TICK_MS);
    this.#ticker.unref();
  }

  /** One round, as it runs each second. */
  tick(): void {
    const nowMs = this.#deps.clock.monotonicMs();
    for (const stream of this.#streams.values()) stream.tick(nowMs);
  }

  async publish(identity: SessionIdentity, peer: Peer): Promise<PublishResult> {
    const admitted = await this.#admit('publish', identity, peer);
    if (!admitted.ok) return admitted;
    const { session, record } = admitted;
    const { streamName } = session.identity;
    if (this.#streams.get(streamName)?.makeRoom(session.identity.baseType) === false) {
      return { ok: false, kind: 'taken', reason: `stream ${streamName} is being published already` };
    }
    const full = this.#full(session.identity);
    if (full !== null) return full;
    const stream = this.#streams.get(streamName) ?? this.#create(session.identity);
    const { dummyAudioMs } = this.#options;
    const published = stream.publish(session);
    const publisher = dummyAudioMs === null ? published : withDummyAudio(published, dummyAudioMs);
    if (record !== undefined) this.#deps.onRecordWanted(streamName, record);
    return { ok: true, publisher };
  }

  async subscribe(identity: SessionIdentity, peer: Peer): Promise<SubscribeResult<LocalSubscription>> {
    const admitted = await this.#admit('play', identity, peer);
    if (!admitted.ok) return admitted;
    const { streamName } = admitted.session.identity;
    const full = this.#full(admitted.session.identity);
    if (full !== null) return full;
    const stream = this.#streams.get(streamName) ?? this.#create(admitted.session.identity);
    const subscriber: Subscriber = stream.subscribe(admitted.session);
    return {
      ok: true,
      subscription: {
        id: subscriber.id,
        streamName,
        attach: (format, sink) => stream.attach(subscriber, format, sink),
        attachBranch: (format, owner) => stream.attachBranch(subscriber, format, owner),
        watchTracks: (listener) => stream.watchTracks(subscriber, listener),
        close: (reason) => subscriber.close(reason),
      },
    };
  }

  /** A consumer joins the stream's running publication; null where none runs. @returns what takes it away */
  tap(streamName: string, consumer: FrameConsumer): (() => void) | null {
    return this.#streams.get(streamName)?.tap(consumer) ?? null;
  }

  /** Ends the session, whatever its kind; its stop follows. */
  kick(streamName: string, sessionId: string): 'kicked' | 'no group' | 'no session' {
    const stream = this.#streams.get(streamName);
    if (stream === undefined) return 'no group';
    return stream.kick(sessionId, 'kicked') ? 'kicked' : 'no session';
  }

  /** Ends the publishers and players whose `ADDRESS:PORT` this holds for; their stops follow. */
  kickWhere(isMeant: (remoteAddr: string) => boolean): void {
    for (const stream of [...this.#streams.values()]) stream.kickWhere(isMeant, 'kicked');
  }

  groups(): GroupSnapshot[] {
    return Array.from(this.#streams.values(), (stream) => stream.describe());
  }

  group(streamName: string): GroupSnapshot | null {
    return this.#streams.get(streamName)?.describe() ?? null;
  }

  /** Whether the stream has a publisher or pull, and players; of one that is not here, neither. Costs no snapshot. */
  stateOf(streamName: string): StreamState {
    return this.#streams.get(streamName)?.state ?? NO_STATE;
  }

  /** The app name of a stream; empty where it is not here. Costs no snapshot. */
  appNameOf(streamName: string): string {
    return this.#streams.get(streamName)?.appName ?? '';
  }

  /** Publishers, pulls and players that are here. */
  get sessionCount(): number {
    let count = 0;
    for (const { sessionCount } of this.#streams.values()) count += sessionCount;
    return count;
  }

  /** Lets no publisher or player in any more; those that are here go on, with the pulls and pushes that belong to them. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Lets nobody in any more, ends every session, and resolves once each has had its stop. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const allGone = new Promise<void>((resolve) => {
      this.#onAllGone = resolve;
    });
    for (const stream of [...this.#streams.values()]) stream.close('server stopped');
    if (this.#streams.size > 0) await allGone;
    if (this.#ticker !== null) clearInterval(this.#ticker);
  }

  /** Nobody is asked about pulls, pushes, and what the program does in which the server runs. */
  async #admit(direction: 'publish' | 'play', identity: SessionIdentity, peer: Peer): Promise<Admitted | Refusal> {
    const isRelay = identity.baseType === 'PULL' || identity.baseType === 'PUSH';
    // nobody is to be asked about a session that cannot be
    const early = this.#refusal(isRelay);
    if (early !== null) return early;
    const decision: Decision =
      isRelay || identity.protocol === 'CUSTOMIZE'
        ? { ok: true }
        : await this.#deps.admission.decide({ direction, session: identity });
    if (!decision.ok) return { ok: false, kind: 'denied', reason: decision.reason };
    const late = this.#refusal(isRelay);
    if (late !== null) return late;
    const { streamName = identity.streamName, lifetimeSec, record } = decision;
    const session = new Session({ ...identity, streamName }, peer, this.#deps);
    if (lifetimeSec !== undefined) session.endsAtMs = this.#deps.clock.monotonicMs() + lifetimeSec * 1000;
    return { ok: true, session, record };
  }

  #refusal(isRelay: boolean): Refusal | null {
    if (this.#stopping) return { ok: false, kind: 'stopping', reason: 'the server is stopping' };
    if (this.#isDraining && !isRelay) {
      return { ok: false, kind: 'stopping', reason: 'the server is draining: it takes no new sessions' };
    }
    return null;
  }

  /** Why there is no room; looked at when admission has said which stream it is, and before anybody is told of the session. */
  #full({ streamName, baseType, remoteAddr }: SessionIdentity): Refusal | null {
    const { maxGroups = 0, maxSubscribers = 0 } = this.#options;
    const stream = this.#streams.get(streamName);
    const refuse = (limit: Parameters<HubRefusals['refused']>[0], reason: string): Refusal => {
      this.#deps.refusals?.refused(limit, remoteAddr, reason);
      return { ok: false, kind: 'full', reason };
    };
    if (stream === undefined) {
      if (maxGroups === 0 || this.#streams.size < maxGroups) return null;
      return refuse('max_groups', `${maxGroups} streams are here, and no more are allowed`);
    }
    if (baseType !== 'SUB' || maxSubscribers === 0 || stream.players < maxSubscribers) return null;
    return refuse(
      'max_subscribers_per_group',
      `${maxSubscribers} players of stream ${streamName} are here, and no more are allowed`,
    );
  }

  #create(identity: SessionIdentity): Stream {
    const stream = new Stream(identity.streamName, identity.appName, this.#options, this.#deps, (empty) => {
      this.#streams.delete(empty.name);
      if (this.#streams.size === 0) this.#onAllGone?.();
    });
    this.#streams.set(stream.name, stream);
    return stream;
  }
}
