/** A player whose connection is in this player thread: let in by the main thread, written to by an audience of this one. */
import { NO_TRACKS, type OutputFormat, type Tracks } from '../media/index.ts';
import type { Audience, Flow, Opening, Peer, Player, Sink, StopReason, Subscription } from '../streams/index.ts';
import type { Link } from './link.ts';
import type { Counters, FromThread, ToThread } from './messages.ts';

export class RemoteSubscription implements Subscription, Player {
  readonly id: string;
  readonly streamName: string;
  flow: Flow = 'waiting';
  /** Null while it is sent nothing. */
  sink: Sink | null = null;
  readonly #key: number;
  readonly #peer: Peer;
  readonly #link: Link<FromThread, ToThread>;
  readonly #onClosed: () => void;
  #tracks: Tracks;
  #onTracks: ((tracks: Tracks) => void) | null = null;
  /** Where it is to be written to once it has joined. */
  #attached: Sink | null = null;
  #audience: Audience | null = null;
  #droppedFrames = 0;
  #isClosed = false;
  /** Whether the hub wants it ended. */
  #isClosing = false;

  /** @param onClosed called once, when the connection is done with it */
  constructor(
    admitted: { readonly id: string; readonly streamName: string; readonly tracks: Tracks },
    key: number,
    peer: Peer,
    link: Link<FromThread, ToThread>,
    onClosed: () => void,
  ) {
    this.id = admitted.id;
    this.streamName = admitted.streamName;
    this.#tracks = known(admitted.tracks);
    this.#key = key;
    this.#peer = peer;
    this.#link = link;
    this.#onClosed = onClosed;
  }

  /** Asks for its place in an audience: it begins with what has come to this thread when it is given. */
  attach(format: OutputFormat, sink: Sink): void {
    if (this.#isClosed || this.#isClosing) return;
    this.#attached = sink;
    this.#link.send({ kind: 'attach', key: this.#key, format: format.name });
  }

  watchTracks(listener: (tracks: Tracks) => void): void {
    this.#onTracks = listener;
    listener(this.#tracks);
  }

  close(reason: StopReason): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#audience?.leave(this);
    this.#link.send({ kind: 'closed', key: this.#key, reason, counters: this.counters() });
    this.#onClosed();
  }

  drop(frames: number): void {
    this.#droppedFrames += frames;
  }

  join(audience: Audience, opening: Opening): void {
    if (this.#isClosed || this.#isClosing || this.#attached === null) return;
    this.#audience = audience;
    audience.join(this, this.#attached, opening);
  }

  setTracks(tracks: Tracks): void {
    this.#tracks = known(tracks);
    if (!this.#isClosed && !this.#isClosing) this.#onTracks?.(this.#tracks);
  }

  /** The hub wants it ended: it is sent nothing more. */
  askToClose(reason: StopReason): void {
    if (this.#isClosed || this.#isClosing) return;
    this.#isClosing = true;
    this.sink = null;
    this.#peer.close(reason);
  }

  counters(): Counters {
    return {
      readBytes: this.#peer.readBytes(),
      wroteBytes: this.#peer.wroteBytes(),
      droppedFrames: this.#droppedFrames,
      queuedBytes: this.sink?.writableLength ?? 0,
      isDropping: this.flow === 'dropping',
      lostPackets: 0,
    };
  }
}

/** That nothing is published is said by one value. */
function known(tracks: Tracks): Tracks {
  const { video, audio, metadata } = tracks;
  return video === null && audio === null && metadata === null ? NO_TRACKS : tracks;
}
