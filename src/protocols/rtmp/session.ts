/** One RTMP connection: handshake, chunks, commands; it publishes or plays one stream at a time. */
import type { Socket } from 'node:net';
import {
  closeGently,
  countBytes,
  type FaultReason,
  remoteAddress,
  type SocketBytes,
  settleBytes,
} from '../../net/index.ts';
import type { BaseType, Peer, SessionIdentity, StopReason, Subscription } from '../../streams/index.ts';
import {
  AcknowledgementWindow,
  ChunkReader,
  type CommandMessage,
  type ConnectRequest,
  connectResult,
  createStreamResult,
  errorResult,
  knowsCodec,
  MEDIA_STREAM_ID,
  OUT_CHUNK_SIZE,
  onFcPublish,
  onFcUnpublish,
  parseConnect,
  parseMessage,
  parsePlay,
  parsePublish,
  parseStreamName,
  RtmpError,
  type RtmpErrorReason,
  type RtmpMessage,
  result,
  rtmpFormats,
  rtmpSampleAccess,
  ServerHandshake,
} from '../../wire/rtmp/index.ts';
import { Answers } from './answers.ts';
import { HeldMessages } from './held.ts';
import type { RtmpDeps, RtmpServerOptions } from './options.ts';
import { RtmpPublish } from './publish.ts';
import { parseRtmpUrl } from './url.ts';

/** Window acknowledgement size and peer bandwidth that we ask for. Bytes. */
const WINDOW_SIZE = 5_000_000;
/** Protocol and base type of session ids: a connection gets its number before it says what it wants. */
const ID_PREFIX = 'RTMPPUBSUB';
/** The longest message, and all half-received ones together, of a peer that has not asked for a stream yet. Bytes. */
const BEFORE_ROLE = { maxMessageLength: 256 * 1024, maxPendingBytes: 256 * 1024 };

const FAULTS: Readonly<Record<RtmpErrorReason, FaultReason>> = {
  'not-rtmp': 'other protocol',
  encrypted: 'other protocol',
  'bad-chunk': 'malformed',
  limit: 'limit',
  malformed: 'malformed',
};

/** What the connection is doing for the hub. */
type Role =
  | { readonly kind: 'none' }
  /** Admission is being asked; messages wait in `#held`. */
  | { readonly kind: 'opening' }
  | { readonly kind: 'publishing'; readonly publish: RtmpPublish; readonly name: string }
  | { readonly kind: 'playing'; readonly subscription: Subscription; readonly name: string };

const NO_ROLE: Role = { kind: 'none' };

export class RtmpSession {
  readonly #socket: Socket;
  readonly #options: RtmpServerOptions;
  readonly #deps: RtmpDeps;
  readonly #remoteAddr: string;
  /** Of the connection's present session. */
  #bytes: SocketBytes;
  readonly #reader: ChunkReader;
  readonly #answers: Answers;
  readonly #window = new AcknowledgementWindow();
  #handshake: ServerHandshake | null = new ServerHandshake();
  #connect: ConnectRequest | null = null;
  /** Given at connect; the first session on this connection takes it, a later one gets its own. */
  #sessionId: string | null = null;
  #role: Role = NO_ROLE;
  readonly #held = new HeldMessages();
  #idleTimer: NodeJS.Timeout | null = null;

  constructor(socket: Socket, options: RtmpServerOptions, deps: RtmpDeps) {
    this.#socket = socket;
    this.#options = options;
    this.#deps = deps;
    this.#remoteAddr = remoteAddress(socket);
    this.#bytes = countBytes(socket);
    this.#answers = new Answers(socket);
    this.#reader = new ChunkReader(BEFORE_ROLE);
    this.#waitForRole();
    socket.on('data', (bytes: Buffer) => this.#guard(() => this.#onData(bytes)));
    socket.on('error', (error) => {
      deps.log.debug({ peer: this.#remoteAddr, error: error.message }, 'RTMP connection failed');
    });
    socket.on('close', () => this.#onClose());
  }

  /** The server stops: ends a connection that is no session of the hub. */
  closeIdle(): void {
    if (this.#role.kind === 'none') closeGently(this.#socket);
  }

  #onData(bytes: Buffer): void {
    const acknowledge = this.#window.received(bytes.length);
    let chunks = bytes;
    if (this.#handshake !== null) {
      const step = this.#handshake.push(bytes);
      if (step.send !== null) this.#socket.write(step.send);
      if (!step.done) return;
      this.#handshake = null;
      chunks = step.rest;
    }
    if (acknowledge !== null) this.#answers.send({ type: 'acknowledgement', sequence: acknowledge });
    this.#reader.push(chunks);
    for (let raw = this.#reader.next(); raw !== null; raw = this.#reader.next()) {
      if (this.#role.kind === 'opening') this.#held.push(raw);
      else this.#onMessage(parseMessage(raw));
    }
  }

  #onMessage(message: RtmpMessage): void {
    switch (message.type) {
      case 'audio':
      case 'video':
      case 'data':
        if (this.#role.kind === 'publishing') this.#role.publish.onMedia(message);
        return;
      case 'aggregate':
        for (const inner of message.messages) this.#onMessage(inner);
        return;
      case 'command':
        this.#onCommand(message);
        return;
      case 'window-acknowledgement-size':
        this.#window.setWindow(message.size);
        return;
      case 'user-control':
        if (message.event === 'ping-request') {
          this.#answers.send({ type: 'user-control', event: 'ping-response', timestamp: message.timestamp });
        }
        return;
      default:
        return;
    }
  }

  #onCommand(command: CommandMessage): void {
    if (this.#connect === null && command.name !== 'connect') {
      throw new RtmpError('malformed', `the command ${command.name} came before connect`);
    }
    switch (command.name) {
      case 'connect':
        this.#onConnect(command);
        return;
      case 'createStream':
        this.#answers.send(createStreamResult(command.transactionId, MEDIA_STREAM_ID));
        return;
      case 'publish':
        this.#onPublish(command).catch((error: unknown) => this.#fail(error));
        return;
      case 'play':
        this.#onPlay(command).catch((error: unknown) => this.#fail(error));
        return;
      case 'FCPublish':
        this.#answer(command);
        this.#answers.send(onFcPublish(parseStreamName(command)));
        return;
      case 'FCUnpublish':
        this.#answers.send(onFcUnpublish(parseStreamName(command)));
        this.#endRole('peer closed');
        return;
      case 'closeStream':
      case 'deleteStream':
        this.#endRole('peer closed');
        return;
      case 'pause':
        this.#answers.status('status', 'NetStream.Pause.Notify', 'a live stream goes on');
        return;
      case 'releaseStream':
      case 'FCSubscribe':
      case '_checkbw':
        this.#answer(command);
        return;
      case 'getStreamLength':
        this.#answer(command, 0);
        return;
      case 'receiveAudio':
      case 'receiveVideo':
      case 'seek':
        return;
      default:
        if (command.transactionId === 0) return;
        this.#answers.send(
          errorResult(command.transactionId, 'NetConnection.Call.Failed', `unknown command ${command.name}`),
        );
    }
  }

  #answer(command: CommandMessage, value?: number): void {
    if (command.transactionId !== 0) this.#answers.send(result(command.transactionId, value));
  }

  #onConnect(command: CommandMessage): void {
    if (this.#connect !== null) throw new RtmpError('malformed', 'a second connect on one connection');
    const connect = parseConnect(command);
    this.#connect = connect;
    this.#sessionId = this.#nextId();
    this.#deps.ledger.record({
      kind: 'rtmp_connect',
      unixMs: this.#deps.clock.unixMs(),
      sessionId: this.#sessionId,
      remoteAddr: this.#remoteAddr,
      app: connect.app,
      flashVer: connect.flashVer,
      tcUrl: connect.tcUrl,
    });
    this.#socket.cork();
    this.#answers.send({ type: 'window-acknowledgement-size', size: WINDOW_SIZE });
    this.#answers.send({ type: 'set-peer-bandwidth', size: WINDOW_SIZE, limit: 'dynamic' });
    this.#answers.send({ type: 'set-chunk-size', size: OUT_CHUNK_SIZE });
    this.#answers.send(connectResult(command.transactionId, connect));
    this.#socket.uncork();
  }

  async #onPublish(command: CommandMessage): Promise<void> {
    const request = parsePublish(command);
    if (!request.ok) return this.#refuse('NetStream.Publish.BadName', request.reason);
    const identity = this.#open('PUB', request.value.streamName, 'NetStream.Publish.BadName');
    if (identity === null) return;
    const opened = await this.#deps.hub.publish(identity, this.#peer());
    if (!opened.ok) {
      const code = opened.kind === 'taken' ? 'NetStream.Publish.BadName' : 'NetStream.Publish.Denied';
      return this.#refuse(code, opened.reason);
    }
    const publish = new RtmpPublish(opened.publisher, this.#deps);
    this.#role = { kind: 'publishing', publish, name: identity.streamName };
    if (this.#socket.destroyed) return this.#endRole('peer closed');
    this.#answers.send({ type: 'user-control', event: 'stream-begin', streamId: MEDIA_STREAM_ID });
    this.#answers.status('status', 'NetStream.Publish.Start', 'publishing', identity.streamName);
    this.#release();
  }

  async #onPlay(command: CommandMessage): Promise<void> {
    const request = parsePlay(command);
    if (!request.ok) return this.#refuse('NetStream.Play.StreamNotFound', request.reason);
    const identity = this.#open('SUB', request.value.streamName, 'NetStream.Play.StreamNotFound');
    if (identity === null) return;
    const opened = await this.#deps.hub.subscribe(identity, this.#peer());
    if (!opened.ok) return this.#refuse('NetStream.Play.Failed', opened.reason);
    const { subscription } = opened;
    const name = identity.streamName;
    this.#role = { kind: 'playing', subscription, name };
    if (this.#socket.destroyed) return this.#endRole('peer closed');
    this.#socket.cork();
    this.#answers.send({ type: 'user-control', event: 'stream-begin', streamId: MEDIA_STREAM_ID });
    if (request.value.reset) this.#answers.status('status', 'NetStream.Play.Reset', 'playing and resetting', name);
    this.#answers.status('status', 'NetStream.Play.Start', 'started playing', name);
    this.#answers.send(rtmpSampleAccess(MEDIA_STREAM_ID));
    const hevc = knowsCodec(this.#connect, 'hvc1') ? 'enhanced' : this.#options.hevc;
    subscription.attach(rtmpFormats[hevc], this.#socket);
    this.#socket.uncork();
    this.#release();
  }

  /** Checks the URL and takes the connection for a session; null where it was refused. */
  #open(baseType: BaseType, key: string, badNameCode: string): SessionIdentity | null {
    const url = parseRtmpUrl(this.#connect?.tcUrl ?? '', this.#connect?.app ?? '', key, this.#socket);
    if ('problem' in url) {
      this.#refuse(badNameCode, url.problem);
      return null;
    }
    if (this.#role.kind !== 'none') {
      this.#refuse(badNameCode, `this connection is ${this.#role.kind} already; one stream at a time`);
      return null;
    }
    this.#role = { kind: 'opening' };
    this.#reader.allow({ maxMessageLength: this.#options.maxMessageBytes });
    this.#stopIdleTimer();
    if (this.#sessionId === null) {
      // a further session on this connection has a number and byte counters of its own
      settleBytes(this.#socket);
      this.#bytes = countBytes(this.#socket);
    }
    const sessionId = this.#sessionId ?? this.#nextId();
    this.#sessionId = null;
    return { sessionId, protocol: 'RTMP', baseType, remoteAddr: this.#remoteAddr, ...url };
  }

  #peer(): Peer {
    const { read, wrote } = this.#bytes;
    return {
      readBytes: read,
      wroteBytes: wrote,
      close: (reason) => this.#onHubClose(reason),
    };
  }

  /** The hub wants the session ended: the peer is told, gets what is under way, and the connection ends. */
  #onHubClose(reason: StopReason): void {
    // nobody up there could handle an error of ours
    this.#answers.unbound();
    if (this.#role.kind === 'publishing') {
      this.#answers.status('status', 'NetStream.Unpublish.Success', reason, this.#role.name);
    } else if (this.#role.kind === 'playing') {
      this.#answers.send({ type: 'user-control', event: 'stream-eof', streamId: MEDIA_STREAM_ID });
      this.#answers.status('status', 'NetStream.Play.Stop', reason, this.#role.name);
    }
    closeGently(this.#socket);
  }

  /** Handles what came while admission was being asked. */
  #release(): void {
    const held = this.#held.take();
    this.#guard(() => {
      for (const raw of held) {
        if (this.#role.kind === 'opening') this.#held.push(raw);
        else this.#onMessage(parseMessage(raw));
      }
    });
  }

  /** The peer is done with its stream, or gone. The connection may go on with another. */
  #endRole(reason: StopReason): void {
    const role = this.#role;
    if (role.kind === 'publishing') {
      this.#role = NO_ROLE;
      this.#answers.status('status', 'NetStream.Unpublish.Success', 'publishing has ended', role.name);
      role.publish.publisher.close(reason);
    } else if (role.kind === 'playing') {
      this.#role = NO_ROLE;
      role.subscription.close(reason);
    }
    if (this.#role.kind === 'none') this.#waitForRole();
  }

  #onClose(): void {
    this.#endRole('peer closed');
    this.#stopIdleTimer();
  }

  /** Says why, and ends the connection. */
  #refuse(code: string, reason: string): void {
    this.#deps.faults.tell('RTMP', 'refused', { peer: this.#remoteAddr, code }, `RTMP refused: ${reason}`);
    if (this.#role.kind === 'opening') this.#role = NO_ROLE;
    else this.#endRole('protocol error');
    this.#answers.status('error', code, reason);
    closeGently(this.#socket);
  }

  /** Runs what handles the peer's bytes; a fault of the peer ends this connection and no other. */
  #guard(handle: () => void): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    try {
      handle();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Ends this connection and no other, also where the fault is our own. */
  #fail(error: unknown): void {
    const peer = this.#remoteAddr;
    if (error instanceof RtmpError) {
      this.#deps.faults.tell('RTMP', FAULTS[error.reason], { peer }, `RTMP protocol error: ${error.message}`);
    } else {
      this.#deps.log.error({ peer, error }, 'a fault of the server ended an RTMP connection');
    }
    this.#answers.unbound();
    this.#endRole('protocol error');
    this.#socket.destroy();
  }

  #nextId(): string {
    return `${ID_PREFIX}${this.#deps.counter.next(ID_PREFIX)}`;
  }

  /** A connection that neither publishes nor plays is let wait only so long. */
  #waitForRole(): void {
    this.#stopIdleTimer();
    if (this.#socket.destroyed) return;
    const { handshakeTimeoutMs } = this.#options;
    this.#idleTimer = setTimeout(() => {
      const found = `RTMP: no publish or play within ${handshakeTimeoutMs} ms, closed`;
      this.#deps.faults.tell('RTMP', 'timed out', { peer: this.#remoteAddr }, found);
      this.#socket.destroy();
    }, handshakeTimeoutMs);
  }

  #stopIdleTimer(): void {
    if (this.#idleTimer !== null) clearTimeout(this.#idleTimer);
    this.#idleTimer = null;
  }
}
