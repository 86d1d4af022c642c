/** A connection to another RTSP server: requests and their answers, with name and password where it asks for them. */
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import {
  closeGently,
  countBytes,
  type MediaUrl,
  type Outbound,
  remoteAddress,
  type SocketBytes,
} from '../../net/index.ts';
import {
  basicCredentials,
  type Challenge,
  digestAlgorithm,
  digestResponse,
  Headers,
  parseChallenge,
  RtspError,
  RtspReader,
  type RtspRequest,
  type RtspResponse,
  request,
  response,
  serializeDigest,
  serializeMessage,
} from '../../wire/rtsp/index.ts';

export interface RtspClientOptions {
  readonly target: MediaUrl;
  /** Until each answer. Milliseconds. */
  readonly timeoutMs: number;
  /** Whether an RTSPS server's certificate must be one that this machine trusts. */
  readonly verifyTls: boolean;
  readonly outbound: Outbound;
  readonly userAgent: string;
}

export interface RtspClientEvents {
  /** An interleaved packet. */
  onPacket(channel: number, payload: Buffer): void;
  /** Bytes as they came. */
  onBytes(bytes: Buffer): void;
  /** The connection is over, for this reason; once, and nothing follows. */
  onClosed(why: string): void;
}

interface Pending {
  readonly resolve: (answer: RtspResponse) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class RtspClient {
  readonly #options: RtspClientOptions;
  readonly #events: RtspClientEvents;
  readonly #socket: Socket;
  readonly #bytes: SocketBytes;
  readonly #reader = new RtspReader();
  readonly #pending = new Map<number, Pending>();
  #cseq = 0;
  /** What the server asked for last; requests bear an answer to it from then on. */
  #challenge: Challenge | null = null;
  #nonceCount = 0;
  #session: string | null = null;
  #isClosed = false;

  /** Connects at once; `events` tell what becomes of it. */
  constructor(options: RtspClientOptions, events: RtspClientEvents) {
    this.#options = options;
    this.#events = events;
    const { target, verifyTls, outbound } = options;
    const { host, port, scheme } = target;
    this.#socket = outbound.connect({ host, port, isTls: scheme === 'rtsps', verifyTls }, () => {});
    this.#bytes = countBytes(this.#socket);
    this.#socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    this.#socket.on('error', (error) => this.close(error.message));
    this.#socket.on('close', () => this.close('the server closed the connection'));
  }

  get socket(): Socket {
    return this.#socket;
  }

  get bytes(): SocketBytes {
    return this.#bytes;
  }

  /** `ADDRESS:PORT` of the server, once it is connected. */
  get remoteAddr(): string {
    return remoteAddress(this.#socket);
  }

  /**
   * Sends a request and resolves with its answer, whatever its status; where the server asks for a name and password, and
   * the URL has them, with the answer to the request that bears them. Rejects where no answer comes.
   */
  async ask(method: string, url: string, fields: readonly (readonly [string, string])[] = []): Promise<RtspResponse> {
    const answer = await this.#exchange(method, url, fields);
    if (answer.status !== 401 || this.#options.target.username === '') return answer;
    const challenge = bestChallenge(answer.headers.all('WWW-Authenticate'));
    if (challenge === null) return answer;
    this.#challenge = challenge;
    this.#nonceCount = 0;
    return this.#exchange(method, url, fields);
  }

  /** Sends a request whose answer nobody waits for: the last one. */
  tell(method: string, url: string): void {
    this.#write(this.#request(method, url, []));
  }

  /** Sends an interleaved packet. */
  send(bytes: Buffer): void {
    // a server that does not read its reports must not make them pile up
    if (this.#socket.writable && this.#socket.writableLength === 0) this.#socket.write(bytes);
  }

  /** Ends the connection; `onClosed` follows at once. */
  close(why: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer);
      reject(new Error(why));
    }
    this.#pending.clear();
    closeGently(this.#socket);
    this.#events.onClosed(why);
  }

  #exchange(method: string, url: string, fields: readonly (readonly [string, string])[]): Promise<RtspResponse> {
    return new Promise((resolve, reject) => {
      const { timeoutMs } = this.#options;
      if (this.#isClosed) {
        reject(new Error('the connection is closed'));
        return;
      }
      const message = this.#request(method, url, fields);
      const timer = setTimeout(() => this.close(`${method} was not answered within ${timeoutMs} ms`), timeoutMs);
      this.#pending.set(this.#cseq, { resolve, reject, timer });
      this.#write(message);
    });
  }

  #request(method: string, url: string, fields: readonly (readonly [string, string])[]): RtspRequest {
    const headers = new Headers([['CSeq', String(++this.#cseq)], ['User-Agent', this.#options.userAgent], ...fields]);
    if (this.#session !== null) headers.add('Session', this.#session);
    if (this.#challenge !== null) headers.add('Authorization', this.#credentials(this.#challenge, method, url));
    return request(method, url, headers);
  }

  #credentials({ scheme, parameters }: Challenge, method: string, uri: string): string {
    const { username, password } = this.#options.target;
    if (scheme === 'basic') return basicCredentials(username, password);
    const [realm = '', nonce = ''] = ['realm', 'nonce'].map((name) => parameters.get(name));
    const algorithm = digestAlgorithm(parameters.get('algorithm')) ?? 'MD5';
    const hasQop = (parameters.get('qop') ?? '').split(',').some((each) => each.trim() === 'auth');
    const nc = (++this.#nonceCount).toString(16).padStart(8, '0');
    const qop = hasQop ? { nc, cnonce: randomBytes(8).toString('hex') } : null;
    const answer = digestResponse({ algorithm, username, password, realm, nonce, method, uri, qop });
    const opaque = parameters.get('opaque');
    return serializeDigest(
      {
        ...{ username, realm, nonce, uri, response: answer },
        ...(opaque === undefined ? {} : { opaque }),
        ...(qop === null ? {} : { cnonce: qop.cnonce }),
      },
      {
        ...(parameters.has('algorithm') ? { algorithm } : {}),
        ...(qop === null ? {} : { qop: 'auth', nc: qop.nc }),
      },
    );
  }

  #onData(bytes: Buffer): void {
    if (this.#isClosed) return;
    this.#events.onBytes(bytes);
    try {
      this.#reader.push(bytes);
      for (let message = this.#reader.next(); message !== null && !this.#isClosed; message = this.#reader.next()) {
        if (message.kind === 'interleaved') this.#events.onPacket(message.channel, message.payload);
        else if (message.kind === 'response') this.#onResponse(message);
        else this.#decline(message);
      }
    } catch (error) {
      const whose = error instanceof RtspError ? 'the server broke the protocol' : 'a fault of our own';
      this.close(`${whose}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #onResponse(answer: RtspResponse): void {
    const cseq = Number(answer.headers.get('CSeq'));
    const pending = this.#pending.get(cseq);
    if (pending === undefined) return;
    this.#pending.delete(cseq);
    clearTimeout(pending.timer);
    const session = answer.headers.get('Session');
    if (session !== null) this.#session = session.split(';')[0]?.trim() ?? null;
    pending.resolve(answer);
  }

  /** Servers may ask, too (RFC 2326 10): nothing of that is served. */
  #decline({ headers }: RtspRequest): void {
    const cseq = headers.get('CSeq');
    this.#write(response(501, new Headers(cseq === null ? [] : [['CSeq', cseq]])));
  }

  #write(message: RtspRequest | RtspResponse): void {
    if (this.#socket.writable) this.#socket.write(serializeMessage(message));
  }
}

/** The strongest that is known here: Digest with SHA-256, with MD5, Basic. */
function bestChallenge(headers: readonly string[]): Challenge | null {
  const challenges = headers.flatMap((header) => parseChallenge(header) ?? []);
  const rank = ({ scheme, parameters }: Challenge): number => {
    if (scheme === 'basic') return 1;
    const algorithm = scheme === 'digest' ? digestAlgorithm(parameters.get('algorithm')) : null;
    return algorithm === null ? 0 : algorithm === 'MD5' ? 2 : 3;
  };
  const [best] = challenges.sort((a, b) => rank(b) - rank(a));
  return best === undefined || rank(best) === 0 ? null : best;
}
