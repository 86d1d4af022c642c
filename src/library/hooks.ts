/** Hooks on streams: subscribers inside the program, which are given tracks and frames rather than bytes. */
import type { Frame, Tracks } from '../media/index.ts';
import type { FrameConsumer, Log, Peer, Publication, StopReason, Subscription } from '../streams/index.ts';
import { type InsideDeps, insideIdentity, type Refused } from './inside.ts';

/**
 * What is told of a stream, over all its publications while the hook is there. None of it may block, and frames must not be
 * changed: others see them too. A hook that throws is closed, and hurts nobody else.
 */
export interface StreamHook {
  /** The frames after this belong to these tracks. */
  onTracks?(tracks: Tracks): void;
  /** Times are the stream's own, in milliseconds: they go on evenly over publishers that come back and clocks that jump. */
  onFrame(frame: Frame): void;
  /** The next frame's picture need not follow on the last one: the publisher's clock jumped, or another one goes on. */
  onDiscontinuity?(): void;
  /** The publication is over; another one may come. */
  onPublicationEnd?(): void;
  /** The hook's session has ended, by `close` or otherwise. The last call. */
  onClosed?(reason: StopReason): void;
}

/** A hook that is there. */
export interface HookSession {
  /** `CUSTOMIZESUB1`, … */
  readonly id: string;
  readonly streamName: string;
  readonly closed: boolean;
  close(): void;
}

export type HookResult = { readonly ok: true; readonly hook: HookSession } | Refused;

/** All hooks, by stream. */
export class Hooks {
  readonly #byStream = new Map<string, Set<Hooked>>();

  /** A publication begins: the hooks on its stream are its consumers. */
  consume({ streamName }: Publication): FrameConsumer | null {
    const hooks = [...(this.#byStream.get(streamName) ?? [])];
    if (hooks.length === 0) return null;
    return {
      setTracks: (tracks) => {
        for (const hook of hooks) hook.setTracks(tracks);
      },
      write: (frame) => {
        for (const hook of hooks) hook.write(frame);
      },
      discontinuity: () => {
        for (const hook of hooks) hook.discontinuity();
      },
      end: () => {
        for (const hook of hooks) hook.end();
      },
    };
  }

  /** Subscribes the hook to the stream, which need not be there yet; nobody is asked for admission. */
  async add(streamName: string, hook: StreamHook, { hub, counter, log }: InsideDeps): Promise<HookResult> {
    const identity = insideIdentity('SUB', streamName, 'live', counter);
    if ('reason' in identity) return identity;
    const hooked = new Hooked(hook, identity.sessionId, streamName, log, () => this.#remove(hooked));
    const result = await hub.subscribe(identity, hooked);
    if (!result.ok) return { ok: false, reason: result.reason };
    const others = this.#byStream.get(streamName) ?? new Set();
    this.#byStream.set(streamName, others.add(hooked));
    hooked.opened(result.subscription, hub.tap(streamName, hooked));
    return { ok: true, hook: hooked };
  }

  #remove(hooked: Hooked): void {
    const others = this.#byStream.get(hooked.streamName);
    others?.delete(hooked);
    if (others?.size === 0) this.#byStream.delete(hooked.streamName);
  }
}

/** One hook: a peer of the hub, and a consumer of frames. */
class Hooked implements Peer, FrameConsumer, HookSession {
  readonly id: string;
  readonly streamName: string;
  readonly #hook: StreamHook;
  readonly #log: Log;
  readonly #onGone: () => void;
  #subscription: Subscription | null = null;
  /** Ends its part in the publication that ran when it came. */
  #untap: (() => void) | null = null;
  #closing: StopReason | null = null;
  #bytes = 0;

  constructor(hook: StreamHook, id: string, streamName: string, log: Log, onGone: () => void) {
    this.#hook = hook;
    this.id = id;
    this.streamName = streamName;
    this.#log = log;
    this.#onGone = onGone;
  }

  get closed(): boolean {
    return this.#closing !== null;
  }

  /** The hub has let it in; that may have been ended already. */
  opened(subscription: Subscription, untap: (() => void) | null): void {
    this.#subscription = subscription;
    this.#untap = untap;
    if (this.#closing !== null) this.#end(this.#closing);
  }

  readBytes(): number {
    return 0;
  }

  /** What frames had in them. */
  wroteBytes(): number {
    return this.#bytes;
  }

  close(reason: StopReason = 'peer closed'): void {
    if (this.#closing !== null) return;
    this.#closing = reason;
    if (this.#subscription !== null) this.#end(reason);
  }

  setTracks(tracks: Tracks): void {
    // a publication that begins has none yet
    if (tracks.video === null && tracks.audio === null && tracks.metadata === null) return;
    this.#call(() => this.#hook.onTracks?.(tracks));
  }

  write(frame: Frame): void {
    if (this.#closing !== null) return;
    this.#bytes += frame.data.length;
    try {
      this.#hook.onFrame(frame);
    } catch (error) {
      this.#failed(error);
    }
  }

  discontinuity(): void {
    this.#call(() => this.#hook.onDiscontinuity?.());
  }

  end(): void {
    this.#untap = null;
    this.#call(() => this.#hook.onPublicationEnd?.());
  }

  #call(call: () => void): void {
    if (this.#closing !== null) return;
    try {
      call();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#log.error({ session: this.id, stream: this.streamName, error }, 'a hook failed and is closed');
    this.close();
  }

  #end(reason: StopReason): void {
    this.#untap?.();
    this.#untap = null;
    this.#onGone();
    this.#subscription?.close(reason);
    try {
      this.#hook.onClosed?.(reason);
    } catch (error) {
      this.#log.error({ session: this.id, stream: this.streamName, error }, 'a hook failed as it was closed');
    }
  }
}
