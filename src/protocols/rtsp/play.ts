/** One RTSP player: its description, how it takes each track, and where it stands between PLAY and PAUSE. */
import type { Tracks } from '../../media/index.ts';
import { plainAddress } from '../../net/index.ts';
import type { Clock, Log, Subscription } from '../../streams/index.ts';
import { describeTracks, type RtpMedia, rtpFormat } from '../../wire/rtp/index.ts';
import { serializeLiveSdp, type Transport } from '../../wire/rtsp/index.ts';
import type { Link } from './link.ts';
import { type FirstPacket, linkSink, PlaySink, UdpSink } from './play-sink.ts';
import { freeChannel, NO_TRANSPORT, noPorts, openUdp, type SetupResult } from './setup.ts';
import { TrackWatch } from './track-watch.ts';
import type { UdpPair, UdpPairs } from './udp-pair.ts';

/** Interleaved channels that packets for UDP bear in the format that all UDP players share. */
const UDP_CHANNELS = { video: 0, audio: 2 } as const;

/** A track that is set up. */
interface SetUpTrack {
  readonly media: RtpMedia;
  /** As SETUP named it, to be named again in RTP-Info. */
  readonly url: string;
  /** Of its RTP. */
  readonly channel: number;
  /** Null: over the connection. */
  readonly pair: UdpPair | null;
}

export interface PlaySurroundings {
  readonly link: Link;
  readonly udp: UdpPairs;
  readonly clock: Clock;
  readonly log: Log;
  /** The player gave a sign of life by UDP. */
  readonly onSign: () => void;
  /** What is published now is not what was described: the player cannot go on. */
  readonly onLayoutChanged: () => void;
}

export class RtspPlay {
  readonly subscription: Subscription;
  readonly #around: PlaySurroundings;
  readonly #watch: TrackWatch;
  /** What was described; null: nothing yet. */
  #media: readonly RtpMedia[] | null = null;
  #setUp: SetUpTrack[] = [];
  #sink: PlaySink | null = null;
  #isEnded = false;

  constructor(subscription: Subscription, around: PlaySurroundings) {
    this.subscription = subscription;
    this.#around = around;
    this.#watch = new TrackWatch(subscription, (tracks) => this.#onTracks(tracks));
  }

  /** Whether what is sent goes over the connection, so that it shows whether the player is there. */
  get isSentInterleaved(): boolean {
    return this.#sink?.isPlaying === true && this.#setUp.every(({ pair }) => pair === null);
  }

  get isSetUp(): boolean {
    return this.#setUp.length > 0;
  }

  /**
   * The description for the player, once the stream is there. An empty one: it has nothing that RTP can carry. Null:
   * nothing is published within `waitMs`, or the player is gone.
   */
  async describe(waitMs: number): Promise<Buffer | null> {
    if (this.#media === null) {
      const tracks = await this.#watch.settled(waitMs);
      if (tracks === null) return null;
      this.#media = describeTracks(tracks);
    }
    const address = plainAddress(this.#around.link.socket.localAddress);
    return this.#media.length === 0 ? Buffer.alloc(0) : serializeLiveSdp(this.#media, address);
  }

  /** Gives the described track by the first of the transports that will do: UDP or the connection for all alike. */
  async setup(url: string, index: number, transports: readonly Transport[]): Promise<SetupResult> {
    const media = this.#media?.[index];
    if (media === undefined) return { ok: false, status: 404, detail: `the description has no trackID=${index}` };
    if (this.#sink !== null) return { ok: false, status: 455, detail: 'playing already' };
    if (this.#setUp.some((track) => track.media === media)) {
      return { ok: false, status: 455, detail: 'this track is set up already' };
    }
    for (const transport of transports) {
      if (this.#setUp.some(({ pair }) => (pair === null) !== (transport.kind === 'tcp'))) continue;
      if (transport.kind === 'tcp') return this.#setupTcp(media, url, transport.channels);
      if (this.#around.link.hasUdp) return this.#setupUdp(media, url, transport.clientPorts);
    }
    return NO_TRANSPORT;
  }

  /** Resolves when PLAY is to be answered: with the value of RTP-Info. What comes is held until `flow`. */
  async start(): Promise<string> {
    let sink = this.#sink;
    const isFirst = sink === null;
    if (sink === null) {
      sink = new PlaySink(
        this.#createOut(),
        this.#setUp.map(({ media, channel }) => ({
          channel,
          videoCodec: media.codec === 'H264' || media.codec === 'H265' ? media.codec : null,
        })),
      );
      this.#sink = sink;
    }
    if (sink.isPlaying) return this.#rtpInfo([]);
    const started = sink.start(isFirst);
    if (isFirst) {
      const channelOf = (kind: 'video' | 'audio'): number | null =>
        this.#setUp.find(({ media }) => media.kind === kind)?.channel ?? null;
      const layout = { video: channelOf('video'), audio: channelOf('audio') };
      this.subscription.attach(rtpFormat(layout, this.#around.clock), sink);
    }
    return this.#rtpInfo(await started);
  }

  /** PLAY is answered. */
  flow(): void {
    this.#sink?.flow();
  }

  pause(): void {
    this.#sink?.pause();
  }

  /** Sends nothing any more. */
  end(): void {
    this.#isEnded = true;
    this.#watch.stop();
    this.#sink?.pause();
    this.#around.udp.close();
  }

  #setupTcp(media: RtpMedia, url: string, wanted: readonly [number, number] | null): SetupResult {
    const isUsed = (channel: number): boolean => this.#setUp.some((track) => (track.channel & ~1) === (channel & ~1));
    // the format's channels are pairs that begin evenly: a client that asks for others is told which it gets
    const isFine = wanted !== null && wanted[0] % 2 === 0 && wanted[1] === wanted[0] + 1 && !isUsed(wanted[0]);
    const channel = isFine ? wanted[0] : freeChannel(isUsed);
    if (channel === null) return NO_TRANSPORT;
    this.#setUp.push({ media, url, channel, pair: null });
    return { ok: true, transport: { kind: 'tcp', channels: [channel, channel + 1], isRecord: false } };
  }

  async #setupUdp(media: RtpMedia, url: string, clientPorts: readonly [number, number]): Promise<SetupResult> {
    const { udp, link, onSign } = this.#around;
    const opened = await openUdp(udp, link.socket, { onRtp: onSign, onRtcp: onSign });
    if (typeof opened === 'string') return noPorts(opened);
    const { pair, address } = opened;
    if (!this.#isEnded && !(await pair.connect({ address, ports: clientPorts })))
      return noPorts('there is no way to your ports by UDP');
    this.#setUp.push({ media, url, channel: UDP_CHANNELS[media.kind], pair });
    return { ok: true, transport: { kind: 'udp', clientPorts, serverPorts: pair.ports, isRecord: false } };
  }

  #createOut() {
    const pairs = new Map<number, UdpPair>();
    for (const { pair, channel } of this.#setUp) if (pair !== null) pairs.set(channel, pair);
    return pairs.size === 0 ? linkSink(this.#around.link) : new UdpSink(pairs, this.#around.link.socket);
  }

  #rtpInfo(firsts: readonly (FirstPacket | null)[]): string {
    return this.#setUp
      .map(({ url }, i) => {
        const first = firsts[i] ?? null;
        return first === null ? `url=${url}` : `url=${url};seq=${first.sequence};rtptime=${first.rtptime}`;
      })
      .join(',');
  }

  /** The publisher changed its tracks, or another one came: parameter sets go in band, all else must be as described. */
  #onTracks(tracks: Tracks): void {
    if (this.#media === null || this.#isEnded) return;
    for (const now of describeTracks(tracks)) {
      const before = this.#media.find(({ kind }) => kind === now.kind);
      if (before === undefined || isSameLayout(before, now)) continue;
      this.#around.log.info(
        { session: this.subscription.id },
        `the ${now.kind} is ${now.encoding} now, described was ${before.encoding}: the player is closed`,
      );
      this.#around.onLayoutChanged();
      return;
    }
  }
}

function isSameLayout(a: RtpMedia, b: RtpMedia): boolean {
  return (
    a.encoding === b.encoding &&
    a.payloadType === b.payloadType &&
    a.clockRate === b.clockRate &&
    a.channels === b.channels &&
    a.fmtp['config'] === b.fmtp['config']
  );
}
