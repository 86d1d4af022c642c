/** Where a player's packets go: over its connection or by UDP, held back until PLAY is answered, stopped by PAUSE. */
import type { Socket } from 'node:net';
import type { VideoCodec } from '../../media/index.ts';
import type { Sink } from '../../streams/index.ts';
import { firstRtp, splitInterleaved } from '../../wire/rtp/index.ts';
import { bringsKeyFrame } from './key-start.ts';
import type { Link } from './link.ts';
import type { UdpPair } from './udp-pair.ts';

/**
 * PLAY is answered with the first packets' numbers (RTP-Info), so it waits for them: a player can show nothing before
 * the key frame anyway. Clients give up much later. Milliseconds.
 */
const FIRST_PACKET_WAIT_MS = 4000;
/** Once the first track's packet is there, the others' follow within a frame or two, or are missing. Milliseconds. */
const OTHER_TRACKS_WAIT_MS = 150;

/** The first packet of a track: `seq` and `rtptime` of RTP-Info. */
export interface FirstPacket {
  readonly sequence: number;
  readonly rtptime: number;
}

/** A track that is played: the channel of its RTP, and its codec where it is video. */
export interface PlayedTrack {
  readonly channel: number;
  readonly videoCodec: VideoCodec | null;
}

type State =
  | { readonly kind: 'paused' }
  /** PLAY waits for its answer. */
  | Starting
  /** PLAY was answered before anything came; the packets begin at the next key frame. */
  | { readonly kind: 'seeking' }
  | { readonly kind: 'flowing' };

interface Starting {
  readonly kind: 'starting';
  /** Whether the held packets begin where a decoder can start. */
  isKeyFound: boolean;
  /** Whether a track's first packet is among them. */
  hasFirst: boolean;
  readonly held: Buffer[];
  readonly settle: () => void;
}

const PAUSED: State = { kind: 'paused' };

export class PlaySink implements Sink {
  readonly #out: Sink;
  readonly #tracks: readonly PlayedTrack[];
  #state: State = PAUSED;
  #timer: NodeJS.Timeout | null = null;

  constructor(out: Sink, tracks: readonly PlayedTrack[]) {
    this.#out = out;
    this.#tracks = tracks;
  }

  get isPlaying(): boolean {
    return this.#state.kind !== 'paused';
  }

  get writableLength(): number {
    return this.#out.writableLength;
  }

  /** Hot once the player is in full flow. */
  write(batch: Buffer): void {
    const state = this.#state;
    if (state.kind === 'flowing') {
      this.#out.write(batch);
    } else if (state.kind === 'seeking') {
      if (!this.#isKey(batch)) return;
      this.#state = { kind: 'flowing' };
      this.#out.write(batch);
    } else if (state.kind === 'starting') {
      this.#hold(state, batch);
    }
  }

  /**
   * Begins to hold what is written. Resolves once it is time to answer PLAY, with the first packet of each track, null
   * where none has come; `flow` lets the packets go. Resolves at `pause`, too.
   * @param isFanoutsStart whether the fan-out begins at a key frame by itself, as it does for a newcomer
   */
  start(isFanoutsStart: boolean): Promise<(FirstPacket | null)[]> {
    const held: Buffer[] = [];
    return new Promise((resolve) => {
      const settle = (): void => {
        this.#stopTimer();
        resolve(this.#tracks.map(({ channel }) => firstIn(held, channel)));
      };
      this.#state = { kind: 'starting', isKeyFound: isFanoutsStart, hasFirst: false, held, settle };
      this.#timer = setTimeout(settle, FIRST_PACKET_WAIT_MS);
    });
  }

  /** PLAY is answered: gives out what was held, and what comes. */
  flow(): void {
    const state = this.#state;
    if (state.kind !== 'starting') return;
    this.#state = { kind: state.isKeyFound ? 'flowing' : 'seeking' };
    if (state.held.length > 0) this.#out.write(Buffer.concat(state.held));
  }

  pause(): void {
    const state = this.#state;
    this.#state = PAUSED;
    if (state.kind === 'starting') state.settle();
    this.#stopTimer();
  }

  #hold(state: Starting, batch: Buffer): void {
    if (!state.isKeyFound && !this.#isKey(batch)) return;
    state.isKeyFound = true;
    state.held.push(batch);
    const missing = this.#tracks.filter(({ channel }) => firstIn(state.held, channel) === null).length;
    if (missing === 0) state.settle();
    else if (missing < this.#tracks.length && !state.hasFirst) {
      state.hasFirst = true;
      this.#stopTimer();
      this.#timer = setTimeout(state.settle, OTHER_TRACKS_WAIT_MS);
    }
  }

  #isKey(batch: Buffer): boolean {
    const video = this.#tracks.find(({ videoCodec }) => videoCodec !== null);
    return video?.videoCodec == null || bringsKeyFrame(batch, video.channel, video.videoCodec);
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

function firstIn(batches: readonly Buffer[], channel: number): FirstPacket | null {
  for (const batch of batches) {
    const first = firstRtp(batch, channel);
    if (first !== null) return first;
  }
  return null;
}

/** Packets over the player's own connection. */
export function linkSink(link: Link): Sink {
  const { socket } = link;
  return {
    write: (batch) => link.sendPackets(batch),
    get writableLength() {
      return socket.writableLength;
    },
  };
}

/** The packets of the batch that was split last, for all players who are sent it: channel, start and end of each. */
let split: { readonly batch: Buffer; readonly packets: readonly number[] } | null = null;

/** Packets as datagrams; `pairs` by the channel of RTP, RTCP's is the one after it. */
export class UdpSink implements Sink {
  readonly #pairs: ReadonlyMap<number, UdpPair>;
  readonly #socket: Socket;

  constructor(pairs: ReadonlyMap<number, UdpPair>, socket: Socket) {
    this.#pairs = pairs;
    this.#socket = socket;
  }

  /** What the system has not taken yet; a player whose connection is stuck is no better off. */
  get writableLength(): number {
    let length = this.#socket.writableLength;
    for (const pair of this.#pairs.values()) length += pair.queuedBytes;
    return length;
  }

  write(batch: Buffer): void {
    if (split?.batch !== batch) split = { batch, packets: splitPackets(batch) };
    const { packets } = split;
    for (let i = 0; i + 2 < packets.length; i += 3) {
      const channel = packets[i] ?? 0;
      this.#pairs.get(channel & ~1)?.send(channel & 1, batch, packets[i + 1] ?? 0, packets[i + 2] ?? 0);
    }
  }
}

function splitPackets(batch: Buffer): number[] {
  const packets: number[] = [];
  splitInterleaved(batch, (channel, start, end) => packets.push(channel, start, end));
  return packets;
}
