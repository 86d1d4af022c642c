/** What each request of a connection does, and the one stream at a time that the connection publishes or plays. */
import { randomBytes } from 'node:crypto';
import { countBytes, RETRY_AFTER, type SocketBytes, settleBytes } from '../../net/index.ts';
import {
  type BaseType,
  isTemporary,
  type Peer,
  type Refusal,
  type SessionIdentity,
  type StopReason,
} from '../../streams/index.ts';
import {
  parseSdp,
  parseTransports,
  RTSP_VERSION,
  type RtspRequest,
  serializeTransport,
} from '../../wire/rtsp/index.ts';
import { ConnectionAuth } from './auth.ts';
import type { Link } from './link.ts';
import type { RtspDeps, RtspSessionOptions } from './options.ts';
import { RtspPlay } from './play.ts';
import { announcedMedia, RtspPublish } from './publish.ts';
import { methods, type Reply, refuse } from './reply.ts';
import { UdpPairs } from './udp-pair.ts';
import { contentBase, parseStreamUrl, splitTrackUrl } from './url.ts';

/** What the connection is doing for the hub. */
type Role =
  | { readonly kind: 'none' }
  /** Admission is being asked. */
  | { readonly kind: 'opening' }
  | { readonly kind: 'publishing'; readonly publish: RtspPublish }
  | { readonly kind: 'playing'; readonly play: RtspPlay; readonly streamName: string };
type Playing = Extract<Role, { kind: 'playing' }>;

const NO_ROLE: Role = { kind: 'none' };

/** The connection that the requests come from. */
export interface RequestSource {
  readonly link: Link;
  readonly remoteAddr: string;
  readonly options: RtspSessionOptions;
  readonly deps: RtspDeps;
  /** The peer showed that it is there. */
  sign(): void;
  /** Ends the connection; nothing is answered any more. */
  end(reason: StopReason): void;
  /** Likewise, for a fault of our own. */
  fail(error: unknown): void;
}

export class Requests {
  readonly #source: RequestSource;
  readonly #link: Link;
  readonly #options: RtspSessionOptions;
  readonly #deps: RtspDeps;
  readonly #auth: ConnectionAuth;
  #role: Role = NO_ROLE;
  /** Given at the first SETUP. It serves on this connection alone. */
  #sessionId: string | null = null;
  #isEnding = false;

  constructor(source: RequestSource) {
    this.#source = source;
    this.#link = source.link;
    this.#options = source.options;
    this.#deps = source.deps;
    this.#auth = new ConnectionAuth(source.options.auth, () => source.deps.clock.monotonicMs());
  }

  /** The value of the header `Session`; null before SETUP. */
  get session(): string | null {
    const seconds = Math.round(this.#options.sessionTimeoutMs / 1000);
    return this.#sessionId === null ? null : `${this.#sessionId};timeout=${seconds}`;
  }

  /** Whether the connection is no session of the hub. */
  get isIdle(): boolean {
    return this.#role.kind === 'none';
  }

  /** Whether the peer must give signs of life: a player whose connection does not show by itself that it is there. */
  get needsSigns(): boolean {
    return this.#role.kind === 'playing' && !this.#role.play.isSentInterleaved;
  }

  /** An interleaved packet. False where nothing was set up for its channel. */
  onPacket(channel: number, payload: Buffer): boolean {
    const role = this.#role;
    if (role.kind === 'publishing') return role.publish.onPacket(channel, payload);
    if (role.kind === 'playing') this.#source.sign();
    return role.kind === 'playing';
  }

  /** The answer; null where the connection has ended meanwhile. */
  async handle(request: RtspRequest): Promise<Reply | null> {
    if (request.version !== RTSP_VERSION) return refuse(505, `${request.version} is not ${RTSP_VERSION}`);
    if (request.headers.get('CSeq') === null) return { ...refuse(400, 'the request has no CSeq'), isLast: true };
    const unknown = request.headers.get('Require') ?? request.headers.get('Proxy-Require');
    if (unknown !== null) return { status: 551, headers: [['Unsupported', unknown]] };
    const session = request.headers.get('Session')?.split(';')[0]?.trim() ?? null;
    if (session !== null && session !== this.#sessionId) {
      return refuse(454, 'a session serves on the connection that it was set up on');
    }
    switch (request.method) {
      case 'OPTIONS':
        return { status: 200, headers: [['Public', methods(this.#link.canPublish)]] };
      case 'DESCRIBE':
        return this.#onDescribe(request);
      case 'ANNOUNCE':
        return this.#link.canPublish ? this.#onAnnounce(request) : this.#notAllowed('play only');
      case 'SETUP':
        return this.#onSetup(request);
      case 'PLAY':
        return this.#onPlay();
      case 'PAUSE':
        return this.#onPause();
      case 'RECORD':
        return this.#onRecord();
      case 'TEARDOWN':
        if (this.#role.kind === 'none') return refuse(454, 'nothing is set up');
        return { status: 200, afterwards: () => this.endRole('peer closed') };
      case 'GET_PARAMETER':
      case 'SET_PARAMETER':
        return request.body.length === 0 ? { status: 200 } : refuse(451, 'no parameters are known');
      case 'REDIRECT':
        return this.#notAllowed('a server asks for that');
      default:
        return { ...refuse(501, `${request.method} is not known`), headers: [['Public', methods(true)]] };
    }
  }

  #notAllowed(detail: string): Reply {
    return { ...refuse(405, detail), headers: [['Allow', methods(this.#link.canPublish)]] };
  }

  async #onDescribe(request: RtspRequest): Promise<Reply | null> {
    const opened = await this.#openPlay(request, request.url);
    if (opened === null || 'status' in opened) return opened;
    const description = await this.#describe(opened);
    if (description === null || 'status' in description) return description;
    const headers = [
      ['Content-Base', contentBase(request.url)],
      ['Content-Type', 'application/sdp'],
    ] as const;
    return { status: 200, headers, body: description };
  }

  /** The player that this connection is or becomes, the refusal, or null where the connection has ended. */
  async #openPlay(request: RtspRequest, url: string): Promise<Playing | Reply | null> {
    const stream = parseStreamUrl(url);
    if ('problem' in stream) return refuse(400, stream.problem);
    const role = this.#role;
    if (role.kind === 'playing' && role.streamName === stream.streamName) return role;
    if (role.kind !== 'none') return refuse(455, `this connection is ${role.kind} already; one stream at a time`);
    const denied = this.#options.auth.isAskedOfPlayers ? this.#authenticate(request) : null;
    if (denied !== null) return denied;
    this.#role = { kind: 'opening' };
    const bytes = countBytes(this.#link.socket);
    const udp = new UdpPairs(this.#deps.limits);
    const opened = await this.#deps.hub.subscribe(this.#identity('SUB', stream), this.#peer(bytes, udp));
    if (!opened.ok) return this.#refused(opened);
    const link = this.#link;
    const { clock, log } = this.#deps;
    const onLayoutChanged = (): void => this.#source.end('replaced');
    const play = new RtspPlay(opened.subscription, {
      ...{ link, udp, clock, log, onLayoutChanged },
      onSign: () => this.#source.sign(),
    });
    const playing: Playing = { kind: 'playing', play, streamName: stream.streamName };
    this.#role = playing;
    if (!this.#isHere(playing)) return this.#gone();
    return playing;
  }

  /** What a player must know before it sets anything up, once the stream is there. */
  async #describe(role: Playing): Promise<Buffer | Reply | null> {
    const description = await role.play.describe(this.#options.publisherWaitMs);
    if (!this.#isHere(role)) return null;
    if (description !== null && description.length > 0) return description;
    const reply =
      description === null
        ? refuse(404, `nobody publishes ${role.streamName}`)
        : refuse(415, `${role.streamName} has nothing that RTP can carry`);
    return { ...reply, afterwards: () => this.endRole(description === null ? 'timed out' : 'refused') };
  }

  async #onAnnounce(request: RtspRequest): Promise<Reply | null> {
    const stream = parseStreamUrl(request.url);
    if ('problem' in stream) return refuse(400, stream.problem);
    if (this.#role.kind !== 'none') {
      return refuse(455, `this connection is ${this.#role.kind} already; one stream at a time`);
    }
    const denied = this.#options.auth.isAskedOfPublishers ? this.#authenticate(request) : null;
    if (denied !== null) return denied;
    if (!/^application\/sdp\b/i.test(request.headers.get('Content-Type') ?? '')) {
      return refuse(415, 'the description is no application/sdp');
    }
    const media = announcedMedia(parseSdp(request.body.toString()));
    if (media.every(({ rtp }) => rtp === null)) {
      return refuse(415, `none of the media can be carried: ${media.map(({ name }) => name).join(', ')}`);
    }
    this.#role = { kind: 'opening' };
    // the publication begins here: what came before is not its own
    settleBytes(this.#link.socket);
    const bytes = countBytes(this.#link.socket);
    const udp = new UdpPairs(this.#deps.limits);
    let publish: RtspPublish | null = null;
    const peer = { ...this.#peer(bytes, udp), lostPackets: () => publish?.lostPackets ?? 0 };
    const opened = await this.#deps.hub.publish(this.#identity('PUB', stream), peer);
    if (!opened.ok) return this.#refused(opened);
    const link = this.#link;
    const { log, faults, clock } = this.#deps;
    publish = new RtspPublish(opened.publisher, media, {
      ...{ link, udp, log, faults },
      nowMs: () => clock.monotonicMs(),
      onFault: (error) => this.#source.fail(error),
    });
    const publishing: Role = { kind: 'publishing', publish };
    this.#role = publishing;
    return this.#isHere(publishing) ? { status: 200 } : this.#gone();
  }

  async #onSetup(request: RtspRequest): Promise<Reply | null> {
    const transports = parseTransports(request.headers.get('Transport') ?? '');
    const { url } = request;
    let role = this.#role;
    const track = splitTrackUrl(url);
    if (role.kind === 'none') {
      // a player that knows the description already: it begins here
      if (track === null || transports.some(({ isRecord }) => isRecord)) {
        return refuse(455, 'SETUP comes after DESCRIBE or ANNOUNCE');
      }
      const opened = await this.#openPlay(request, track.url);
      if (opened === null || 'status' in opened) return opened;
      const description = await this.#describe(opened);
      if (description === null || 'status' in description) return description;
      role = opened;
    }
    if (role.kind !== 'publishing' && role.kind !== 'playing') return refuse(455, 'nothing can be set up now');
    if (role.kind === 'playing' && track === null) return refuse(459, 'each track is set up by itself');
    const result =
      role.kind === 'publishing'
        ? await role.publish.setup(url, transports)
        : await role.play.setup(url, track?.track ?? 0, transports);
    if (!this.#isHere(role)) return null;
    if (!result.ok) return refuse(result.status, result.detail);
    this.#sessionId ??= randomBytes(16).toString('hex');
    return { status: 200, headers: [['Transport', serializeTransport(result.transport)]] };
  }

  async #onPlay(): Promise<Reply | null> {
    const role = this.#role;
    if (role.kind !== 'playing' || !role.play.isSetUp) return refuse(455, 'PLAY comes after SETUP of a player');
    const rtpInfo = await role.play.start();
    if (!this.#isHere(role)) return null;
    const headers = [
      ['Range', 'npt=now-'],
      ['RTP-Info', rtpInfo],
    ] as const;
    return { status: 200, headers, afterwards: () => role.play.flow() };
  }

  #onPause(): Reply {
    const role = this.#role;
    if (role.kind === 'playing' && role.play.isSetUp) role.play.pause();
    else if (role.kind === 'publishing' && role.publish.isRecording) role.publish.pause();
    else return refuse(455, 'PAUSE comes after PLAY or RECORD');
    return { status: 200 };
  }

  #onRecord(): Reply {
    const role = this.#role;
    if (role.kind !== 'publishing' || !role.publish.record()) {
      return refuse(455, 'RECORD comes after SETUP of a publisher');
    }
    return { status: 200 };
  }

  /** Null: let in. */
  #authenticate(request: RtspRequest): Reply | null {
    const result = this.#auth.check(request);
    if (result.ok) return null;
    if (result.fault !== null) {
      this.#deps.faults.tell('RTSP', 'refused', { peer: this.#source.remoteAddr }, `RTSP refused: ${result.fault}`);
    }
    const headers = result.challenges.map((challenge) => ['WWW-Authenticate', challenge] as const);
    return { status: 401, headers, isLast: result.isLastTry };
  }

  #identity(baseType: BaseType, stream: Pick<SessionIdentity, 'url' | 'appName' | 'streamName' | 'urlParam'>) {
    const prefix = `RTSP${baseType}`;
    const sessionId = `${prefix}${this.#deps.counter.next(prefix)}`;
    return { sessionId, protocol: 'RTSP', baseType, remoteAddr: this.#source.remoteAddr, ...stream } as const;
  }

  #peer(bytes: SocketBytes, udp: UdpPairs): Peer {
    return {
      readBytes: () => bytes.read() + udp.readBytes,
      wroteBytes: () => bytes.wrote() + udp.wroteBytes,
      close: (reason) => this.#source.end(reason),
    };
  }

  #refused(refusal: Refusal): Reply {
    this.#role = NO_ROLE;
    return isTemporary(refusal)
      ? { ...refuse(503, refusal.reason), headers: [RETRY_AFTER], isLast: true }
      : { ...refuse(403, refusal.reason), isLast: true };
  }

  /** Whether the connection still does what it did when a request began to be handled. */
  #isHere(role: Role): boolean {
    return this.#role === role && !this.#isEnding && !this.#link.socket.destroyed;
  }

  #gone(): null {
    if (this.#link.socket.destroyed) this.endRole('peer closed');
    return null;
  }

  /** The peer is done with its stream, or gone. The connection may go on with another. */
  endRole(reason: StopReason): void {
    const role = this.#role;
    if (role.kind !== 'publishing' && role.kind !== 'playing') return;
    this.#role = NO_ROLE;
    this.#sessionId = null;
    if (role.kind === 'publishing') {
      role.publish.end();
      role.publish.publisher.close(reason);
    } else {
      role.play.end();
      role.play.subscription.close(reason);
    }
    settleBytes(this.#link.socket);
  }

  /** The connection ends: a player is sent nothing any more, a publication is over. Its stop may be still to come. */
  stop(reason: StopReason): void {
    this.#isEnding = true;
    if (this.#role.kind === 'playing') this.#role.play.end();
    else this.endRole(reason);
  }
}
