/** One stream that is pulled: its tries, its session while it runs, and when it is over for good. */
import type { Frame, Tracks } from '../media/index.ts';
import type { MediaUrl } from '../net/index.ts';
import type {
  Clock,
  Hub,
  Ledger,
  Log,
  Publisher,
  SessionCounter,
  SessionIdentity,
  Source,
  SourceEvents,
  StopReason,
  StreamState,
} from '../streams/index.ts';
import { backOffMs } from './back-off.ts';

export interface PullRequest {
  readonly target: MediaUrl;
  readonly streamName: string;
  /** Until the source answers with media. Milliseconds. */
  readonly timeoutMs: number;
  /** Tries after one that failed, counted anew after a success; -1: for ever. */
  readonly retryNum: number;
  /** Ends this long after the last player left; -1: never. Milliseconds. */
  readonly autoStopMs: number;
  /** RTSP only: by UDP rather than over the connection. */
  readonly isUdp: boolean;
  /** A file that gets the bytes as they came; empty: none. */
  readonly dumpFile: string;
}

/** Takes the bytes that a source sends, for later. */
export interface Dump {
  write(bytes: Buffer): void;
  close(): void;
}

export interface PullDeps {
  readonly hub: Hub;
  readonly ledger: Ledger;
  readonly counter: SessionCounter;
  readonly clock: Clock;
  readonly log: Log;
  /** Connects to the source by the client of its protocol. Events come later, never during the call. */
  openSource(request: PullRequest, events: SourceEvents): Source;
  openDump(file: string): Dump;
  /** Says why nothing may be connected to there; null: it may be, as far as is known without the name's addresses. */
  refusalOf(host: string, port: number): string | null;
  stateOf(streamName: string): StreamState;
}

type State =
  | { readonly kind: 'connecting'; readonly source: Source; readonly timer: NodeJS.Timeout }
  /** The hub is being asked, and may have begun the session; what comes meanwhile waits, also an end. */
  | { readonly kind: 'opening'; readonly source: Source; readonly held: (Frame | Tracks)[]; end: (() => void) | null }
  | { readonly kind: 'refused'; readonly source: Source }
  | { readonly kind: 'running'; readonly source: Source; readonly publisher: Publisher }
  | { readonly kind: 'waiting'; readonly timer: NodeJS.Timeout }
  /** Its session ends at this moment. */
  | { readonly kind: 'ended' }
  | { readonly kind: 'over' };

/** Reasons for which the hub ends a session that mean: not again. */
const FINAL: ReadonlySet<StopReason> = new Set(['kicked', 'server stopped', 'replaced']);

export class Pull {
  readonly request: PullRequest;
  readonly #deps: PullDeps;
  readonly #onOver: (pull: Pull) => void;
  #sessionId: string;
  #state: State;
  #failures = 0;
  #hasStarted = false;
  #tracks: Tracks | null = null;
  readonly #dump: Dump | null;

  /** Connects at once. `onOver` is called once it has ended for good. */
  constructor(request: PullRequest, deps: PullDeps, onOver: (pull: Pull) => void) {
    this.request = request;
    this.#deps = deps;
    this.#onOver = onOver;
    this.#dump = request.dumpFile === '' ? null : deps.openDump(request.dumpFile);
    this.#sessionId = this.#nextId();
    this.#state = this.#connect();
  }

  /** Of the present try, and of its session where it succeeds. */
  get sessionId(): string {
    return this.#sessionId;
  }

  get isOver(): boolean {
    return this.#state.kind === 'over';
  }

  /** It has no session, and the hub is not about to give it one. */
  get isTrying(): boolean {
    const { kind } = this.#state;
    return kind === 'connecting' || kind === 'waiting';
  }

  /** Ends it for good, whatever it is doing. */
  stop(reason: StopReason): void {
    const state = this.#state;
    if (state.kind === 'over') return;
    if (state.kind === 'opening') {
      state.end = () => this.stop(reason);
      return;
    }
    this.#state = { kind: 'over' };
    if ('timer' in state) clearTimeout(state.timer);
    if (state.kind === 'running') state.publisher.close(reason);
    if ('source' in state) state.source.close(reason);
    this.#over(state, reason);
  }

  /** It has ended for good. */
  #over(last: State, reason: StopReason): void {
    this.#state = { kind: 'over' };
    this.#dump?.close();
    if (!this.#hasStarted) this.#recordFailure('source' in last ? last.source : null, reason);
    this.#onOver(this);
  }

  #connect(): State {
    const { request } = this;
    this.#tracks = null;
    // a source that is over with may still speak: only the present one is listened to
    const isPresent = (): boolean => 'source' in this.#state && this.#state.source === source;
    const events: SourceEvents = {
      onTracks: (tracks) => {
        if (isPresent()) this.#onMedia(tracks);
      },
      onFrame: (frame) => {
        if (isPresent()) this.#onMedia(frame);
      },
      onBytes: (bytes) => this.#dump?.write(bytes),
      onClosed: (why) => {
        if (isPresent()) this.#onClosed(why);
      },
    };
    const source = this.#deps.openSource(request, events);
    // what comes need not make a frame
    const timer = setTimeout(() => source.close(`no media within ${request.timeoutMs} ms`), request.timeoutMs);
    return { kind: 'connecting', source, timer };
  }

  #onMedia(media: Frame | Tracks): void {
    const state = this.#state;
    if (state.kind === 'running') {
      if ('kind' in media) state.publisher.write(media);
      else state.publisher.setTracks(media);
    } else if (state.kind === 'opening') state.held.push(media);
    else if (state.kind === 'connecting') {
      if (!('kind' in media)) {
        this.#tracks = media;
        return;
      }
      // script data may come from a source that has no media
      if (media.kind === 'data') return;
      const { request } = this;
      const held = this.#tracks === null ? [media] : [this.#tracks, media];
      clearTimeout(state.timer);
      this.#state = { kind: 'opening', source: state.source, held, end: null };
      this.#open(state.source).catch((error: unknown) => {
        this.#deps.log.error({ error, url: request.target.url }, 'a fault of the server ended a pull');
        if (this.#state.kind === 'opening') this.#state = { kind: 'refused', source: state.source };
        this.stop('pull failed');
      });
    }
  }

  /** The first media are here: the pull is a session of the hub from now on. */
  async #open(source: Source): Promise<void> {
    const peer = {
      readBytes: () => source.readBytes(),
      wroteBytes: () => source.wroteBytes(),
      lostPackets: () => source.lostPackets?.() ?? 0,
      close: (reason: StopReason) => this.#onHubClose(source, reason),
    };
    const result = await this.#deps.hub.publish(this.#identity(source.remoteAddr), peer);
    const state = this.#state;
    // nothing else leaves it
    if (state.kind !== 'opening') return;
    if (result.ok) {
      this.#hasStarted = true;
      this.#failures = 0;
      this.#state = { kind: 'running', source, publisher: result.publisher };
      for (const media of state.held) this.#onMedia(media);
    } else this.#state = { kind: 'refused', source };
    if (this.isOver) return;
    if (state.end !== null) state.end();
    else if (!result.ok) source.close(result.reason);
  }

  #onHubClose(source: Source, reason: StopReason): void {
    if (FINAL.has(reason)) this.stop(reason);
    else source.close(reason);
  }

  /** The source ended or never began. */
  #onClosed(why: string): void {
    const state = this.#state;
    if (state.kind === 'opening') {
      state.end ??= () => this.#onClosed(why);
      return;
    }
    if ('timer' in state) clearTimeout(state.timer);
    const { retryNum, target } = this.request;
    const fields = { url: target.url, stream: this.request.streamName, why, failures: this.#failures + 1 };
    if (state.kind === 'running') {
      this.#state = { kind: 'ended' };
      state.publisher.close('peer closed');
      // the last player may have been told by that, and the pull stopped
      if (this.isOver) return;
    }
    this.#failures++;
    if (retryNum >= 0 && this.#failures > retryNum) {
      this.#deps.log.warn(fields, 'a pull is given up');
      this.#over(state, 'pull failed');
      return;
    }
    const waitMs = backOffMs(this.#failures);
    this.#deps.log.info({ ...fields, waitMs }, 'a pull failed and is tried again');
    const timer = setTimeout(() => {
      // a session that has ended keeps its number: the next one is another
      if (state.kind === 'running') this.#sessionId = this.#nextId();
      this.#state = this.#connect();
    }, waitMs);
    this.#state = { kind: 'waiting', timer };
  }

  /** A pull that never was a session is told of once, when it is over. */
  #recordFailure(source: Source | null, reason: StopReason): void {
    const { clock, ledger } = this.#deps;
    ledger.record({
      kind: 'session_stop',
      unixMs: clock.unixMs(),
      reason,
      session: {
        ...this.#identity(source?.remoteAddr ?? ''),
        readBytesSum: source?.readBytes() ?? 0,
        wroteBytesSum: source?.wroteBytes() ?? 0,
        ...this.#deps.stateOf(this.request.streamName),
      },
    });
  }

  #identity(remoteAddr: string): SessionIdentity {
    const { target, streamName } = this.request;
    return {
      sessionId: this.#sessionId,
      protocol: target.scheme.startsWith('rtmp') ? 'RTMP' : 'RTSP',
      baseType: 'PULL',
      remoteAddr,
      url: target.url,
      appName: target.appName,
      streamName,
      urlParam: target.query,
    };
  }

  #nextId(): string {
    const prefix = this.request.target.scheme.startsWith('rtmp') ? 'RTMPPULL' : 'RTSPPULL';
    return `${prefix}${this.#deps.counter.next(prefix)}`;
  }
}
