/** One RTSP publication: the announced media, how each comes, and what they bring. */
import type { PeerFaults } from '../../net/index.ts';
import type { Log, Publisher } from '../../streams/index.ts';
import type { RtpMedia } from '../../wire/rtp/index.ts';
import {
  type SessionDescription,
  sdpAttribute,
  sdpEncodingName,
  sdpRtpMedia,
  serializeInterleaved,
  type Transport,
} from '../../wire/rtsp/index.ts';
import { RtpIntake } from './intake.ts';
import type { Link } from './link.ts';
import { freeChannel, NO_TRANSPORT, noPorts, openUdp, type SetupResult } from './setup.ts';
import type { UdpPair, UdpPairs } from './udp-pair.ts';
import { namesControl } from './url.ts';

/** Different things about one publisher's media that are named in the log; more would be noise. */
const MAX_COMPLAINTS = 20;

/** One medium of the description. */
export interface AnnouncedMedia {
  /** As SETUP names it; empty where the description names none. */
  readonly control: string;
  /** Null: nothing that this house can carry. It may be set up, and what it brings is left out. */
  readonly rtp: RtpMedia | null;
  /** For messages. */
  readonly name: string;
}

/** The media of a publisher's description. */
export function announcedMedia(description: SessionDescription): AnnouncedMedia[] {
  return description.media.map((media) => ({
    control: sdpAttribute(media, 'control') ?? '',
    rtp: sdpRtpMedia(media),
    name: sdpEncodingName(media),
  }));
}

/** How a medium comes. */
type Way =
  | { readonly kind: 'tcp'; readonly channels: readonly [number, number] }
  | { readonly kind: 'udp'; readonly pair: UdpPair };

interface Medium extends AnnouncedMedia {
  way: Way | null;
}

export interface PublishSurroundings {
  readonly link: Link;
  readonly udp: UdpPairs;
  readonly log: Log;
  readonly faults: PeerFaults;
  readonly nowMs: () => number;
  /** A fault of our own ends this connection. */
  readonly onFault: (error: unknown) => void;
}

export class RtspPublish {
  readonly publisher: Publisher;
  readonly #around: PublishSurroundings;
  readonly #media: readonly Medium[];
  /** By interleaved channel: what comes there. */
  readonly #channels = new Map<number, { readonly medium: Medium; readonly isRtcp: boolean }>();
  readonly #complaints = new Set<string>();
  /** Once RECORD was said; its media are those that were set up and can be read. */
  #intake: RtpIntake | null = null;
  #read: readonly Medium[] = [];
  #isPaused = false;

  constructor(publisher: Publisher, media: readonly AnnouncedMedia[], around: PublishSurroundings) {
    this.publisher = publisher;
    this.#around = around;
    this.#media = media.map((medium) => ({ ...medium, way: null }));
    for (const { rtp, name } of media) {
      if (rtp === null) this.#complain(`the medium ${name} cannot be carried and is left out`);
    }
  }

  get isRecording(): boolean {
    return this.#intake !== null;
  }

  /** RTP packets that did not come. */
  get lostPackets(): number {
    return this.#intake?.stats.lost ?? 0;
  }

  /** What comes until the next RECORD is left out. */
  pause(): void {
    this.#isPaused = true;
  }

  /** Makes the medium that the URL names come by the first of the transports that will do. */
  async setup(url: string, transports: readonly Transport[]): Promise<SetupResult> {
    if (this.isRecording) return { ok: false, status: 455, detail: 'recording already' };
    const medium = this.#mediumOf(url);
    if (medium === null) return { ok: false, status: 404, detail: 'the description has no medium of that name' };
    if (medium.way !== null) return { ok: false, status: 455, detail: 'this medium is set up already' };
    for (const transport of transports) {
      if (transport.kind === 'udp' && this.#around.link.hasUdp) return this.#setupUdp(medium, transport.clientPorts);
      const channels = transport.kind === 'tcp' ? this.#freeChannels(transport.channels) : null;
      if (channels !== null) {
        medium.way = { kind: 'tcp', channels };
        this.#channels.set(channels[0], { medium, isRtcp: false });
        this.#channels.set(channels[1], { medium, isRtcp: true });
        return { ok: true, transport: { kind: 'tcp', channels, isRecord: true } };
      }
    }
    return NO_TRANSPORT;
  }

  /** Takes media from now on. False where nothing was set up. */
  record(): boolean {
    this.#isPaused = false;
    if (this.isRecording) return true;
    const setUp = this.#media.filter(({ way }) => way !== null);
    if (setUp.length === 0) return false;
    this.#read = setUp.filter(({ rtp }) => rtp !== null);
    const rtp = this.#read.flatMap((medium) => medium.rtp ?? []);
    const isOrdered = setUp.every(({ way }) => way?.kind === 'tcp');
    this.#intake = new RtpIntake(
      rtp,
      isOrdered,
      {
        onTracks: (tracks) => this.publisher.setTracks(tracks),
        onFrame: (frame) => this.publisher.write(frame),
        onRtcp: (index, bytes) => this.#sendRtcp(this.#read[index], bytes),
        onProblem: (message) => this.#complain(message),
        onExcess: (message) => this.#around.faults.tell('RTSP', 'limit', { session: this.publisher.id }, message),
        onFault: (error) => this.#around.onFault(error),
      },
      this.#around.nowMs,
    );
    return true;
  }

  /** An interleaved packet. False where its channel was not set up. */
  onPacket(channel: number, payload: Buffer): boolean {
    const found = this.#channels.get(channel);
    if (found === undefined) return false;
    this.#push(found.medium, payload, found.isRtcp);
    return true;
  }

  /** No more comes. What it lost is told to the log. */
  end(): void {
    const { udp, log } = this.#around;
    if (this.#intake !== null) {
      this.#intake.end();
      const { stats } = this.#intake;
      log.info({ session: this.publisher.id, ...stats, strangers: udp.strangers }, 'RTP received');
    }
    udp.close();
  }

  async #setupUdp(medium: Medium, clientPorts: readonly [number, number]): Promise<SetupResult> {
    const { udp, link } = this.#around;
    const opened = await openUdp(udp, link.socket, {
      onRtp: (bytes) => this.#push(medium, bytes, false),
      onRtcp: (bytes) => this.#push(medium, bytes, true),
    });
    if (typeof opened === 'string') return noPorts(opened);
    const { pair, address } = opened;
    pair.setPeer({ address, ports: clientPorts });
    medium.way = { kind: 'udp', pair };
    return { ok: true, transport: { kind: 'udp', clientPorts, serverPorts: pair.ports, isRecord: true } };
  }

  #push(medium: Medium, bytes: Buffer, isRtcp: boolean): void {
    const index = this.#read.indexOf(medium);
    if (this.#intake === null || this.#isPaused || index === -1) return;
    if (isRtcp) this.#intake.onRtcp(index, bytes);
    else this.#intake.onRtp(index, bytes);
  }

  #sendRtcp(medium: Medium | undefined, bytes: Buffer): void {
    const { link } = this.#around;
    if (medium?.way?.kind === 'udp') medium.way.pair.send(1, bytes);
    // who does not read its reports must not make them pile up
    else if (medium?.way?.kind === 'tcp' && link.socket.writable && link.socket.writableLength === 0) {
      link.send(serializeInterleaved(medium.way.channels[1], bytes));
    }
  }

  #mediumOf(url: string): Medium | null {
    const named = this.#media.find(({ control }) => control !== '' && control !== '*' && namesControl(url, control));
    // a description of one medium need not name it
    return named ?? (this.#media.length === 1 ? (this.#media[0] ?? null) : null);
  }

  #freeChannels(wanted: readonly [number, number] | null): readonly [number, number] | null {
    const isUsed = (channel: number): boolean => this.#channels.has(channel);
    if (wanted !== null) return isUsed(wanted[0]) || isUsed(wanted[1]) ? null : wanted;
    const first = freeChannel(isUsed);
    return first === null ? null : [first, first + 1];
  }

  #complain(what: string): void {
    if (this.#complaints.size >= MAX_COMPLAINTS || this.#complaints.has(what)) return;
    this.#complaints.add(what);
    this.#around.log.warn({ session: this.publisher.id }, what);
  }
}
