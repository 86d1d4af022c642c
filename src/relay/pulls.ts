/** All pulls, one a stream at most: started by the API or by a player, ended by the API or when nobody watches. */
import type { MediaUrl } from '../net/index.ts';
import { parseMediaUrl } from '../net/index.ts';
import type { StopReason, StreamChange } from '../streams/index.ts';
import { Pull, type PullDeps, type PullRequest } from './pull.ts';

export interface StaticPullOptions {
  /** `HOST[:PORT]` that has the streams which are not here; null: none. */
  readonly addr: string | null;
  readonly timeoutMs: number;
}

/** What the API asks for. `streamName` empty: the URL's. */
export type StartPull = Omit<PullRequest, 'target'> & { readonly url: string };

export type StartResult =
  | { readonly ok: true; readonly streamName: string; readonly sessionId: string }
  | { readonly ok: false; readonly reason: string };

interface Entry {
  readonly pull: Pull;
  /** Begun because a stream that is watched was not here. */
  readonly isStatic: boolean;
  /** Runs while nobody watches. */
  stopTimer: NodeJS.Timeout | null;
}

export class Pulls {
  #static: StaticPullOptions;
  readonly #deps: PullDeps;
  readonly #entries = new Map<string, Entry>();
  #isDraining = false;
  #isStopping = false;

  constructor(options: StaticPullOptions, deps: PullDeps) {
    this.#static = options;
    this.#deps = deps;
  }

  /** For the players who come from now on. */
  update(options: StaticPullOptions): void {
    this.#static = options;
  }

  /** Begins at once; what becomes of it is told by callbacks. Refused, nothing is kept. */
  start(asked: StartPull): StartResult {
    const target = parseMediaUrl(asked.url);
    if ('problem' in target) return { ok: false, reason: target.problem };
    const refusal = this.#deps.refusalOf(target.host, target.port);
    if (refusal !== null) return { ok: false, reason: refusal };
    const streamName = asked.streamName === '' ? target.streamName : asked.streamName;
    if (this.#entries.has(streamName)) return { ok: false, reason: `stream ${streamName} is being pulled already` };
    const { hasInSession, hasOutSession } = this.#deps.stateOf(streamName);
    if (hasInSession) return { ok: false, reason: `stream ${streamName} is being published already` };
    if (asked.autoStopMs === 0 && !hasOutSession) {
      return { ok: false, reason: `nobody plays ${streamName}, and the pull is to stop when nobody does` };
    }
    if (this.#isStopping) return { ok: false, reason: 'the server is stopping' };
    if (this.#isDraining) return { ok: false, reason: 'the server is draining' };
    const { sessionId } = this.#begin({ ...asked, target, streamName }, hasOutSession, false);
    return { ok: true, streamName, sessionId };
  }

  /** Ends the pull, also one that connects or waits. @returns its session's id, or null where there is none */
  stop(streamName: string, reason: StopReason = 'kicked'): string | null {
    const entry = this.#entries.get(streamName);
    if (entry === undefined) return null;
    const { sessionId } = entry.pull;
    entry.pull.stop(reason);
    return sessionId;
  }

  /** No new one begins; those that are to end some time after the last player left do so at once, since nobody comes any more. */
  drain(): void {
    this.#isDraining = true;
    for (const { pull } of [...this.#entries.values()]) {
      if (pull.request.autoStopMs >= 0 && !this.#deps.stateOf(pull.request.streamName).hasOutSession) {
        pull.stop('unwatched');
      }
    }
  }

  /** Ends them all; no new one begins. */
  stopAll(): void {
    this.#isStopping = true;
    for (const { pull } of [...this.#entries.values()]) pull.stop('server stopped');
  }

  /** The hub says that the sessions of a stream have changed. */
  onChange({ streamName, appName, hasInSession, isAwaited, players }: StreamChange): void {
    const entry = this.#entries.get(streamName);
    if (entry !== undefined) {
      // what it was to bring is here by others
      if (entry.isStatic && hasInSession && entry.pull.isTrying) entry.pull.stop('replaced');
      else this.#watch(entry, players > 0);
      // a pull keeps its place, so it must not take that of a publisher who is coming back
    } else if (players > 0 && !hasInSession && !isAwaited) this.#pullStatic(streamName, appName);
  }

  #pullStatic(streamName: string, appName: string): void {
    const { addr, timeoutMs } = this.#static;
    if (addr === null || this.#isDraining || this.#isStopping) return;
    const target = parseMediaUrl(`rtmp://${addr}/${appName}/${streamName}`);
    if ('problem' in target) return;
    const request = { target, streamName, timeoutMs, retryNum: -1, autoStopMs: 0, isUdp: false, dumpFile: '' };
    this.#begin(request, true, true);
  }

  #begin(request: PullRequest & { readonly target: MediaUrl }, isWatched: boolean, isStatic: boolean): Pull {
    const { streamName } = request;
    const pull = new Pull(request, this.#deps, (over) => {
      const entry = this.#entries.get(streamName);
      if (entry?.pull !== over) return;
      if (entry.stopTimer !== null) clearTimeout(entry.stopTimer);
      this.#entries.delete(streamName);
    });
    const entry: Entry = { pull, isStatic, stopTimer: null };
    this.#entries.set(streamName, entry);
    this.#watch(entry, isWatched);
    return pull;
  }

  /** A pull that is to stop when nobody watches does so after its time. */
  #watch(entry: Entry, isWatched: boolean): void {
    const { autoStopMs } = entry.pull.request;
    if (isWatched || autoStopMs < 0) {
      if (entry.stopTimer !== null) clearTimeout(entry.stopTimer);
      entry.stopTimer = null;
    } else if (autoStopMs === 0 || this.#isDraining) entry.pull.stop('unwatched');
    else entry.stopTimer ??= setTimeout(() => entry.pull.stop('unwatched'), autoStopMs);
  }
}
