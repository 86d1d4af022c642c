/** Viewers as sessions: each is known by a hash in its URLs, and is there as long as it asks for something. */
import { createHmac, randomBytes } from 'node:crypto';
import type { HttpRequestFacts, Refusals } from '../../net/index.ts';
import type {
  Clock,
  Hub,
  Peer,
  Refusal,
  SessionCounter,
  SessionIdentity,
  StopReason,
  Subscription,
} from '../../streams/index.ts';

/** Sessions at a time; more viewers are turned away. */
const MAX_SESSIONS = 100_000;
/** Answers that one viewer may wait for, or take, at a time: more than any player does. */
const MAX_BUSY = 32;
/** Of the hash. 128 bits. */
const HASH_DIGITS = 32;

export interface SessionsOptions {
  /** Secret of the hashes. */
  readonly key: string;
  readonly timeoutMs: number;
  readonly bitrateWindowSec: number;
}

export interface SessionsDeps {
  readonly hub: Pick<Hub, 'subscribe'>;
  readonly counter: SessionCounter;
  readonly clock: Clock;
  /** Absent: nobody counts. */
  readonly refusals?: Refusals;
}

export interface ViewerSession {
  readonly hash: string;
  /** The stream that is played: the URL's, unless admission said another. */
  readonly streamName: string;
}

interface Viewer extends ViewerSession {
  streamName: string;
  readonly remoteAddr: string;
  subscription: Subscription | null;
  /** Of bodies, handed to the kernel. */
  wroteBytes: number;
  /** Answers that are waited for, or under way. */
  busy: number;
  lastMs: number;
  /** Why it is over; its stop follows when nothing is under way any more. */
  ended: StopReason | null;
}

export class Sessions {
  #options: SessionsOptions;
  readonly #deps: SessionsDeps;
  readonly #onEnd: (session: ViewerSession) => void;
  /** Those that are not over and those whose last answer is under way; the one that asked longest ago first. */
  readonly #viewers = new Map<string, Viewer>();

  /** @param onEnd told when a session is over: what it waits for is in vain */
  constructor(options: SessionsOptions, deps: SessionsDeps, onEnd: (session: ViewerSession) => void) {
    this.#options = options;
    this.#deps = deps;
    this.#onEnd = onEnd;
  }

  /** From now on. */
  update(options: Pick<SessionsOptions, 'timeoutMs' | 'bitrateWindowSec'>): void {
    this.#options = { ...this.#options, ...options };
  }

  get size(): number {
    return this.#viewers.size;
  }

  /** Asks the hub, and so admission, once for all that the viewer will ask for. */
  async open(request: HttpRequestFacts, streamName: string, appName: string): Promise<ViewerSession | Refusal> {
    if (this.#viewers.size >= MAX_SESSIONS) {
      const reason = `${MAX_SESSIONS} viewers are here already`;
      this.#deps.refusals?.refused('hls_sessions', request.remoteAddr, reason);
      return { ok: false, kind: 'full', reason };
    }
    const identity = viewerIdentity(request, streamName, appName, `HLSSUB${this.#deps.counter.next('HLSSUB')}`);
    const viewer: Viewer = {
      hash: this.#hash(identity.sessionId),
      streamName,
      remoteAddr: identity.remoteAddr,
      subscription: null,
      wroteBytes: 0,
      busy: 0,
      lastMs: this.#deps.clock.monotonicMs(),
      ended: null,
    };
    const peer: Peer = {
      readBytes: () => 0,
      wroteBytes: () => viewer.wroteBytes,
      close: (reason) => this.#end(viewer, reason),
      bitrateWindowSec: this.#options.bitrateWindowSec,
    };
    const result = await this.#deps.hub.subscribe(identity, peer);
    if (!result.ok) return result;
    viewer.subscription = result.subscription;
    viewer.streamName = result.subscription.streamName;
    this.#viewers.set(viewer.hash, viewer);
    // it may have been ended while it was let in
    this.#closeIfOver(viewer);
    return viewer;
  }

  /** The viewer asks for something of this stream; null: there is no such session, or no more. Pairs with `release`. */
  hold(hash: string, streamName: string): ViewerSession | 'busy' | null {
    const viewer = this.#viewers.get(hash);
    if (viewer === undefined || viewer.ended !== null || viewer.streamName !== streamName) return null;
    if (viewer.busy >= MAX_BUSY) {
      const peer = viewer.remoteAddr;
      this.#deps.refusals?.refused('hls_waiting', peer, `${MAX_BUSY} answers to one viewer are under way`);
      return 'busy';
    }
    viewer.busy++;
    this.#touch(viewer);
    return viewer;
  }

  /** What was asked for is answered. */
  release(hash: string): void {
    const viewer = this.#viewers.get(hash);
    if (viewer === undefined) return;
    viewer.busy--;
    this.#touch(viewer);
    this.#closeIfOver(viewer);
  }

  isLive({ hash }: ViewerSession): boolean {
    return this.#viewers.get(hash)?.ended === null;
  }

  /** Bytes of a body were sent. @returns whether the rest is to be sent */
  sent(hash: string, bytes: number): boolean {
    const viewer = this.#viewers.get(hash);
    if (viewer === undefined) return false;
    viewer.wroteBytes += bytes;
    return viewer.ended === null;
  }

  /** Once a second: ends those who have not asked for anything for long. */
  sweep(): void {
    const since = this.#deps.clock.monotonicMs() - this.#options.timeoutMs;
    for (const viewer of this.#viewers.values()) {
      if (viewer.lastMs > since) break;
      if (viewer.busy === 0) this.#end(viewer, 'timed out');
      else this.#touch(viewer);
    }
  }

  #end(viewer: Viewer, reason: StopReason): void {
    if (viewer.ended !== null) return;
    viewer.ended = reason;
    this.#onEnd(viewer);
    this.#closeIfOver(viewer);
  }

  #closeIfOver(viewer: Viewer): void {
    if (viewer.ended === null || viewer.busy > 0 || viewer.subscription === null) return;
    this.#viewers.delete(viewer.hash);
    viewer.subscription.close(viewer.ended);
  }

  /** Puts it last, so that a sweep meets those first who asked longest ago. */
  #touch(viewer: Viewer): void {
    viewer.lastMs = this.#deps.clock.monotonicMs();
    this.#viewers.delete(viewer.hash);
    this.#viewers.set(viewer.hash, viewer);
  }

  /** Not to be guessed, even by who knows the key. */
  #hash(sessionId: string): string {
    const hmac = createHmac('sha256', this.#options.key).update(sessionId).update(randomBytes(32));
    return hmac.digest('hex').slice(0, HASH_DIGITS);
  }
}

/** Who asks, as the hub and admission see it. */
export function viewerIdentity(
  request: HttpRequestFacts,
  streamName: string,
  appName: string,
  sessionId: string,
): SessionIdentity {
  return {
    sessionId,
    protocol: 'HLS',
    baseType: 'SUB',
    remoteAddr: request.remoteAddr,
    url: request.url,
    appName,
    streamName,
    urlParam: request.query,
  };
}
