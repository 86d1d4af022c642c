/** One RTSP connection: bytes in, requests one after the other, their answers out, time-outs, and its end. */
import { type FaultReason, remoteAddress } from '../../net/index.ts';
import type { StopReason } from '../../streams/index.ts';
import {
  RtspError,
  type RtspErrorReason,
  RtspReader,
  type RtspRequest,
  serializeMessage,
} from '../../wire/rtsp/index.ts';
import type { Link } from './link.ts';
import type { RtspDeps, RtspSessionOptions } from './options.ts';
import { type Reply, refuse, toResponse } from './reply.ts';
import { Requests } from './requests.ts';

/** What a peer may send ahead of an answer; more is a fault. Bytes. */
const MAX_HELD_BYTES = 1024 * 1024;
/** Answers that may wait for a peer that does not read them; more is a fault. Bytes. */
const MAX_UNREAD_BYTES = 1024 * 1024;

const FAULTS: Readonly<Record<RtspErrorReason, FaultReason>> = {
  'not-rtsp': 'other protocol',
  limit: 'limit',
  malformed: 'malformed',
};

export class RtspSession {
  readonly #link: Link;
  readonly #options: RtspSessionOptions;
  readonly #deps: RtspDeps;
  readonly #remoteAddr: string;
  readonly #reader = new RtspReader();
  readonly #requests: Requests;
  /** A request is being handled: what comes meanwhile waits in the reader. */
  #isBusy = false;
  #isEnding = false;
  /** What a stop is told for when the connection has closed. */
  #closeReason: StopReason = 'peer closed';
  #unreadBytes = 0;
  /** Interleaved packets on channels that nothing was set up for. */
  #strayPackets = 0;
  /** When the peer last showed that it is there, and since when the connection has had no role. Monotonic ms. */
  #signAtMs: number;
  #idleSinceMs: number;

  constructor(link: Link, options: RtspSessionOptions, deps: RtspDeps) {
    this.#link = link;
    this.#options = options;
    this.#deps = deps;
    this.#remoteAddr = remoteAddress(link.socket);
    this.#signAtMs = deps.clock.monotonicMs();
    this.#idleSinceMs = this.#signAtMs;
    this.#requests = new Requests({
      ...{ link, options, deps, remoteAddr: this.#remoteAddr },
      sign: () => this.#sign(),
      end: (reason) => this.#end(reason),
      fail: (error) => this.#fail(error),
    });
    link.socket.on('error', (error) => {
      deps.log.debug({ peer: this.#remoteAddr, error: error.message }, 'RTSP connection failed');
    });
    link.socket.once('close', () => this.#onClose());
  }

  /** Bytes from the peer. */
  push(bytes: Buffer): void {
    if (this.#isEnding) return;
    this.#reader.push(bytes);
    this.#pump();
  }

  /** Once a second: ends who does nothing, and players who gave no sign of life. */
  tick(nowMs: number): void {
    if (this.#isEnding || this.#isBusy) return;
    const { handshakeTimeoutMs, sessionTimeoutMs } = this.#options;
    if (!this.#requests.isIdle) this.#idleSinceMs = nowMs;
    else if (nowMs - this.#idleSinceMs >= handshakeTimeoutMs) {
      const peer = this.#remoteAddr;
      const found = `RTSP: no publish or play within ${handshakeTimeoutMs} ms, closed`;
      this.#deps.faults.tell('RTSP', 'timed out', { peer }, found);
      this.#end('timed out');
    }
    if (this.#requests.needsSigns && nowMs - this.#signAtMs >= sessionTimeoutMs) this.#end('timed out');
  }

  /** The server stops: ends a connection that is no session of the hub. */
  closeIdle(): void {
    if (this.#requests.isIdle) this.#end('server stopped');
  }

  #pump(): void {
    try {
      while (!this.#isBusy && !this.#isEnding) {
        const message = this.#reader.next();
        if (message === null) return;
        if (message.kind === 'request') this.#onRequest(message);
        // a response answers nothing: this side asks for nothing
        else if (message.kind === 'interleaved' && !this.#requests.onPacket(message.channel, message.payload)) {
          this.#strayPackets++;
        }
      }
      if (this.#isBusy && this.#reader.length > MAX_HELD_BYTES) {
        const found = `${this.#reader.length} bytes ahead of an answer`;
        throw new RtspError('limit', `${found}, allowed are ${MAX_HELD_BYTES}`);
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #onRequest(request: RtspRequest): void {
    this.#sign();
    this.#isBusy = true;
    this.#requests
      .handle(request)
      .then((reply) => {
        this.#isBusy = false;
        if (reply !== null) {
          this.#tellRefused(reply, request);
          this.#answer(reply, request);
        }
        this.#pump();
      })
      .catch((error: unknown) => this.#fail(error, request));
  }

  /** Who is asked for a password is not refused yet. */
  #tellRefused({ status, detail = '' }: Reply, { method }: RtspRequest): void {
    if (status < 400 || status === 401) return;
    this.#deps.faults.tell('RTSP', 'refused', { peer: this.#remoteAddr, status, method }, `RTSP refused: ${detail}`);
  }

  #answer(reply: Reply, request: RtspRequest | null): void {
    const { socket } = this.#link;
    if (!socket.writable || this.#isEnding) return;
    const bytes = serializeMessage(toResponse(reply, request, this.#deps.serverName, this.#requests.session));
    if (socket.writableLength === 0) this.#unreadBytes = 0;
    this.#unreadBytes += bytes.length;
    if (this.#unreadBytes > MAX_UNREAD_BYTES) {
      const found = `${this.#unreadBytes} bytes of answers that the peer does not read`;
      throw new RtspError('limit', `${found}, allowed are ${MAX_UNREAD_BYTES}`);
    }
    this.#link.send(bytes);
    reply.afterwards?.();
    if (reply.isLast === true) this.#end('refused');
  }

  #sign(): void {
    this.#signAtMs = this.#deps.clock.monotonicMs();
  }

  /** Ends the connection: nothing is read or sent any more, and the stop follows once the counters are final. */
  #end(reason: StopReason): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#closeReason = reason;
    this.#requests.stop(reason);
    this.#link.end();
  }

  #onClose(): void {
    this.#isEnding = true;
    this.#requests.stop(this.#closeReason);
    this.#requests.endRole(this.#closeReason);
    if (this.#strayPackets > 0) {
      const fields = { peer: this.#remoteAddr, packets: this.#strayPackets };
      this.#deps.log.debug(fields, 'RTSP: packets came on channels that were not set up');
    }
  }

  /** Ends this connection and no other, also where the fault is our own. */
  #fail(error: unknown, request: RtspRequest | null = null): void {
    const peer = this.#remoteAddr;
    if (error instanceof RtspError) {
      this.#deps.faults.tell('RTSP', FAULTS[error.reason], { peer }, `RTSP protocol error: ${error.message}`);
      this.#unreadBytes = 0;
      this.#answer(refuse(error.reason === 'limit' ? 413 : 400, error.message), request);
      this.#end('protocol error');
    } else {
      this.#deps.log.error({ peer, error }, 'a fault of the server ended an RTSP connection');
      this.#end('protocol error');
      this.#link.socket.destroy();
    }
  }
}
