/** Pulls a stream from another RTSP server. */
import type { PeerFaults } from '../../net/index.ts';
import type { Clock, Log, Source, SourceEvents } from '../../streams/index.ts';
import type { RtpMedia } from '../../wire/rtp/index.ts';
import {
  parseSdp,
  parseTransports,
  type RtspResponse,
  sdpAttribute,
  sdpRtpMedia,
  serializeInterleaved,
  serializeTransport,
  type Transport,
} from '../../wire/rtsp/index.ts';
import { RtspClient, type RtspClientOptions } from './client.ts';
import { RtpIntake } from './intake.ts';
import { openUdp } from './setup.ts';
import { type UdpPair, UdpPairs } from './udp-pair.ts';
import { controlUrl } from './url.ts';

export interface RtspSourceOptions extends RtspClientOptions {
  /** Whether media are asked for by UDP, or over the connection; the other where the server refuses (461). */
  readonly isUdp: boolean;
}

/** RFC 2326 12.37, where the server says nothing. Seconds. */
const DEFAULT_SESSION_TIMEOUT_S = 60;
/** Keep-alives come this often within the server's time-out. */
const SIGNS_PER_TIMEOUT = 3;

/** A medium that is asked for. */
interface Wanted {
  readonly rtp: RtpMedia;
  readonly url: string;
}

/** How a medium comes. */
type Way =
  | { readonly kind: 'tcp'; readonly channels: readonly [number, number] }
  | { readonly kind: 'udp'; readonly pair: UdpPair };

/** Connects at once. `events` are never called before this returns. */
export function openRtspSource(options: RtspSourceOptions, events: SourceEvents, deps: SourceDeps): Source {
  return new RtspSource(options, events, deps);
}

interface SourceDeps {
  readonly log: Log;
  readonly clock: Clock;
  readonly faults: PeerFaults;
}

class RtspSource implements Source {
  readonly #options: RtspSourceOptions;
  readonly #events: SourceEvents;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #faults: PeerFaults;
  readonly #client: RtspClient;
  readonly #udp = new UdpPairs();
  readonly #ways: Way[] = [];
  readonly #timer: NodeJS.Timeout;
  #intake: RtpIntake | null = null;
  #keepAlive: NodeJS.Timeout | null = null;
  #sessionUrl: string | null = null;
  #isClosed = false;

  constructor(options: RtspSourceOptions, events: SourceEvents, { log, clock, faults }: SourceDeps) {
    this.#options = options;
    this.#events = events;
    this.#log = log;
    this.#clock = clock;
    this.#faults = faults;
    const { timeoutMs } = options;
    this.#timer = setTimeout(() => this.close(`no media within ${timeoutMs} ms`), timeoutMs);
    this.#client = new RtspClient(options, {
      onPacket: (channel, payload) => this.#onPacket(channel, payload),
      onBytes: (bytes) => events.onBytes(bytes),
      onClosed: (why) => this.#onClosed(why),
    });
    this.#begin().catch((error: unknown) => this.close(error instanceof Error ? error.message : String(error)));
  }

  get remoteAddr(): string {
    return this.#client.remoteAddr;
  }

  readBytes(): number {
    return this.#client.bytes.read() + this.#udp.readBytes;
  }

  wroteBytes(): number {
    return this.#client.bytes.wrote() + this.#udp.wroteBytes;
  }

  lostPackets(): number {
    return this.#intake?.stats.lost ?? 0;
  }

  close(why: string): void {
    if (this.#sessionUrl !== null) this.#client.tell('TEARDOWN', this.#sessionUrl);
    this.#client.close(why);
  }

  async #begin(): Promise<void> {
    const { url } = this.#options.target;
    const options = await this.#client.ask('OPTIONS', url);
    const hasParameters = /\bGET_PARAMETER\b/.test(options.headers.get('Public') ?? '');
    const described = await this.#mustAsk('DESCRIBE', url, [['Accept', 'application/sdp']]);
    const base = described.headers.get('Content-Base') ?? described.headers.get('Content-Location') ?? url;
    const description = parseSdp(described.body.toString());
    const control = sdpAttribute(description, 'control');
    const sessionUrl = controlUrl(base, control);
    const wanted = wantedMedia(
      description.media.flatMap((media) => {
        const rtp = sdpRtpMedia(media);
        return rtp === null ? [] : [{ rtp, url: controlUrl(base, sdpAttribute(media, 'control')) }];
      }),
    );
    if (wanted.length === 0) throw new Error('the description has no medium that can be carried');
    const timeoutSec = await this.#setupAll(wanted);
    if (this.#isClosed) return;
    this.#sessionUrl = sessionUrl;
    const media = wanted.map(({ rtp }) => rtp);
    const isOrdered = this.#ways.every(({ kind }) => kind === 'tcp');
    this.#intake = new RtpIntake(
      media,
      isOrdered,
      {
        onTracks: (tracks) => this.#events.onTracks(tracks),
        onFrame: (frame) => {
          clearTimeout(this.#timer);
          this.#events.onFrame(frame);
        },
        onRtcp: (index, bytes) => this.#sendRtcp(index, bytes),
        onProblem: (message) => this.#log.warn({ url }, message),
        onExcess: (message) => this.#faults.tell('RTSP', 'limit', { url }, message),
        onFault: (error) => {
          this.#log.error({ url, error }, 'a fault of the server ended a pull');
          this.close('a fault of our own');
        },
      },
      () => this.#clock.monotonicMs(),
    );
    await this.#mustAsk('PLAY', sessionUrl, [['Range', 'npt=0.000-']]);
    if (this.#isClosed) return;
    this.#keepAlive = setInterval(
      () => {
        this.#client.ask(hasParameters ? 'GET_PARAMETER' : 'OPTIONS', sessionUrl).catch(() => {});
      },
      (timeoutSec * 1000) / SIGNS_PER_TIMEOUT,
    );
  }

  /** Sets the media up in the way that was asked for, or the other one. Resolves to the session's time-out in seconds. */
  async #setupAll(wanted: readonly Wanted[]): Promise<number> {
    const { isUdp, target } = this.#options;
    let kind: Way['kind'] = isUdp && target.scheme === 'rtsp' ? 'udp' : 'tcp';
    let timeoutSec = DEFAULT_SESSION_TIMEOUT_S;
    for (const [index, { url }] of wanted.entries()) {
      let answer = await this.#setup(url, index, kind);
      if (answer.status === 461 && index === 0 && target.scheme === 'rtsp') {
        kind = kind === 'udp' ? 'tcp' : 'udp';
        answer = await this.#setup(url, index, kind);
      }
      mustBeOk('SETUP', answer);
      timeoutSec = Math.max(
        1,
        Number(/;\s*timeout=(\d{1,6})/i.exec(answer.headers.get('Session') ?? '')?.[1] ?? timeoutSec),
      );
    }
    return timeoutSec;
  }

  async #setup(url: string, index: number, kind: Way['kind']): Promise<RtspResponse> {
    if (kind === 'tcp') {
      const offer: Transport = { kind, channels: [index * 2, index * 2 + 1], isRecord: false };
      const answer = await this.#client.ask('SETUP', url, [['Transport', serializeTransport(offer)]]);
      const taken = transportOf(answer);
      // some servers take other channels than they were offered, and some do not repeat them
      const channels = (taken?.kind === 'tcp' ? taken.channels : null) ?? offer.channels;
      if (answer.status === 200 && channels !== null) this.#ways[index] = { kind, channels };
      return answer;
    }
    const { socket } = this.#client;
    const opened = await openUdp(this.#udp, socket, {
      onRtp: (bytes) => this.#onUdp(index, bytes, false),
      onRtcp: (bytes) => this.#onUdp(index, bytes, true),
    });
    if (typeof opened === 'string') throw new Error(opened);
    const { pair, address } = opened;
    const offer: Transport = { kind, clientPorts: pair.ports, serverPorts: null, isRecord: false };
    const answer = await this.#client.ask('SETUP', url, [['Transport', serializeTransport(offer)]]);
    const taken = transportOf(answer);
    pair.setPeer({ address, ports: taken?.kind === 'udp' ? taken.serverPorts : null });
    if (answer.status === 200) this.#ways[index] = { kind, pair };
    return answer;
  }

  async #mustAsk(method: string, url: string, fields: readonly (readonly [string, string])[]): Promise<RtspResponse> {
    const answer = await this.#client.ask(method, url, fields);
    mustBeOk(method, answer);
    return answer;
  }

  #onPacket(channel: number, payload: Buffer): void {
    for (const [index, way] of this.#ways.entries()) {
      if (way.kind !== 'tcp') continue;
      if (way.channels[0] === channel) this.#intake?.onRtp(index, payload);
      else if (way.channels[1] === channel) this.#intake?.onRtcp(index, payload);
    }
  }

  #onUdp(index: number, bytes: Buffer, isRtcp: boolean): void {
    this.#events.onBytes(bytes);
    if (isRtcp) this.#intake?.onRtcp(index, bytes);
    else this.#intake?.onRtp(index, bytes);
  }

  #sendRtcp(index: number, bytes: Buffer): void {
    const way = this.#ways[index];
    if (way?.kind === 'udp') way.pair.send(1, bytes);
    else if (way?.kind === 'tcp') this.#client.send(serializeInterleaved(way.channels[1], bytes));
  }

  #onClosed(why: string): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    if (this.#keepAlive !== null) clearInterval(this.#keepAlive);
    this.#intake?.end();
    this.#udp.close();
    this.#events.onClosed(why);
  }
}

/** The first video and the first audio: more than one of each is no stream of ours. */
function wantedMedia(media: readonly Wanted[]): Wanted[] {
  return media.filter((each, i) => media.findIndex(({ rtp }) => rtp.kind === each.rtp.kind) === i);
}

function transportOf(answer: RtspResponse): Transport | undefined {
  return parseTransports(answer.headers.get('Transport') ?? '')[0];
}

function mustBeOk(method: string, answer: RtspResponse): void {
  if (answer.status !== 200) throw new Error(`${method} was answered ${answer.status} ${answer.reason}`);
}
