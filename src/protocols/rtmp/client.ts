/** A connection to another RTMP server, on which one stream is played or published. */
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
  AcknowledgementWindow,
  ChunkReader,
  ClientHandshake,
  type CommandMessage,
  connectRequest,
  createStreamRequest,
  deleteStreamRequest,
  type MediaMessage,
  OUT_CHUNK_SIZE,
  parseCreateStreamResult,
  parseMessage,
  parseStatus,
  playRequest,
  publishRequest,
  RtmpError,
  type RtmpMessage,
  streamNameRequest,
} from '../../wire/rtmp/index.ts';
import { Answers } from './answers.ts';

export interface RtmpClientOptions {
  readonly target: MediaUrl;
  readonly direction: 'play' | 'publish';
  /** Until the server takes the stream, or its first media are here. Milliseconds. */
  readonly timeoutMs: number;
  readonly maxMessageBytes: number;
  /** Whether an RTMPS server's certificate must be one that this machine trusts. */
  readonly verifyTls: boolean;
  readonly outbound: Outbound;
}

export interface RtmpClientEvents {
  /** The server takes the stream, or its first media are here; once. `streamId` is the message stream to publish on. */
  onReady(client: RtmpClient, streamId: number): void;
  /** What is played. */
  onMedia(message: MediaMessage): void;
  /** Bytes as they came, handshake included. */
  onBytes?(bytes: Buffer): void;
  /** The connection is over, for this reason; once, and nothing follows. */
  onClosed(why: string): void;
}

/** What servers look at to tell encoders from players. */
const FLASH_VERSION = { play: 'LNX 9,0,124,2', publish: 'FMLE/3.0 (compatible; Millrace)' } as const;
/** As a server does, so that a peer acknowledges what we send. Bytes. */
const WINDOW_SIZE = 2_500_000;
/** How much a server may send ahead, as players say it. Milliseconds. */
const BUFFER_MS = 3000;
const CREATE_STREAM = 2;
/** Codes of `onStatus` after which nothing more is to come. */
const ENDS = new Set(['NetStream.Play.Stop', 'NetStream.Play.UnpublishNotify', 'NetStream.Unpublish.Success']);

export class RtmpClient {
  readonly #options: RtmpClientOptions;
  readonly #events: RtmpClientEvents;
  readonly #socket: Socket;
  readonly #answers: Answers;
  readonly #bytes: SocketBytes;
  readonly #window = new AcknowledgementWindow();
  readonly #reader: ChunkReader;
  readonly #timer: NodeJS.Timeout;
  #handshake: ClientHandshake | null = new ClientHandshake();
  #streamId = 0;
  #isReady = false;
  #isClosed = false;

  /** Connects at once; `events` tell what becomes of it. */
  constructor(options: RtmpClientOptions, events: RtmpClientEvents) {
    this.#options = options;
    this.#events = events;
    const { target, timeoutMs, verifyTls, outbound } = options;
    this.#reader = new ChunkReader({ maxMessageLength: options.maxMessageBytes });
    this.#timer = setTimeout(() => this.#end(`no answer within ${timeoutMs} ms`), timeoutMs);
    this.#socket = outbound.connect(
      { host: target.host, port: target.port, isTls: target.scheme === 'rtmps', verifyTls },
      () => this.#socket.write(this.#handshake?.start() ?? Buffer.alloc(0)),
    );
    this.#answers = new Answers(this.#socket);
    this.#bytes = countBytes(this.#socket);
    this.#socket.on('data', (bytes: Buffer) => this.#guard(() => this.#onData(bytes)));
    this.#socket.on('error', (error) => this.#end(error.message));
    this.#socket.on('close', () => this.#end('the server closed the connection'));
  }

  /** What a stream that is published is written to. */
  get socket(): Socket {
    return this.#socket;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get bytes(): SocketBytes {
    return this.#bytes;
  }

  /** `ADDRESS:PORT` of the server, once it is connected. */
  get remoteAddr(): string {
    return remoteAddress(this.#socket);
  }

  /** Says good-bye and ends the connection; `onClosed` follows at once. */
  close(why: string): void {
    if (this.#isReady && !this.#isClosed) {
      this.#guard(() => {
        const { target, direction } = this.#options;
        if (direction === 'publish') this.#answers.send(streamNameRequest('FCUnpublish', 0, keyOf(target)));
        this.#answers.send(deleteStreamRequest(0, this.#streamId));
      });
    }
    this.#end(why);
  }

  #end(why: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    closeGently(this.#socket);
    this.#events.onClosed(why);
  }

  #onData(bytes: Buffer): void {
    this.#events.onBytes?.(bytes);
    const acknowledge = this.#window.received(bytes.length);
    let chunks = bytes;
    if (this.#handshake !== null) {
      const step = this.#handshake.push(bytes);
      if (step.send !== null) this.#socket.write(step.send);
      if (!step.done) return;
      this.#handshake = null;
      chunks = step.rest;
      this.#connect();
    }
    if (acknowledge !== null) this.#answers.send({ type: 'acknowledgement', sequence: acknowledge });
    this.#reader.push(chunks);
    for (let raw = this.#reader.next(); raw !== null && !this.#isClosed; raw = this.#reader.next()) {
      this.#onMessage(parseMessage(raw));
    }
  }

  #connect(): void {
    const { target, direction } = this.#options;
    const host = target.host.includes(':') ? `[${target.host}]` : target.host;
    const app = target.path.slice(1, Math.max(1, target.path.lastIndexOf('/')));
    this.#answers.send({ type: 'set-chunk-size', size: OUT_CHUNK_SIZE });
    this.#answers.send(
      connectRequest({
        app,
        tcUrl: `${target.scheme}://${host}:${target.port}/${app}`,
        flashVer: FLASH_VERSION[direction],
        fourCcList: direction === 'play' ? ['hvc1', 'Opus', 'mp4a', '.mp3'] : [],
      }),
    );
  }

  #onMessage(message: RtmpMessage): void {
    switch (message.type) {
      case 'audio':
      case 'video':
      case 'data':
        if (this.#options.direction === 'play') {
          // servers send data where they have no media yet
          if (message.type !== 'data') this.#ready();
          this.#events.onMedia(message);
        }
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
      case 'set-peer-bandwidth':
        this.#answers.send({ type: 'window-acknowledgement-size', size: WINDOW_SIZE });
        return;
      case 'user-control':
        if (message.event === 'ping-request') {
          this.#answers.send({ type: 'user-control', event: 'ping-response', timestamp: message.timestamp });
        } else if (message.event === 'stream-eof' && this.#isReady) this.#end('the stream has ended');
        return;
      default:
        return;
    }
  }

  #onCommand(command: CommandMessage): void {
    const { level, code, description } = parseStatus(command);
    if (command.name === 'onStatus') {
      if (level === 'error' || ENDS.has(code)) this.#end(description === '' ? code : `${code}: ${description}`);
      else if (code === 'NetStream.Publish.Start') this.#ready();
    } else if (command.name === '_error') {
      // calls that servers need not know
      if (command.transactionId > 2) return;
      this.#end(`refused: ${description === '' ? code : description}`);
    } else if (command.name === '_result' && command.transactionId === 1) this.#createStream();
    else if (command.name === '_result' && command.transactionId === CREATE_STREAM) this.#begin(command);
    else if (command.name === 'close') this.#end('the server closed the connection');
  }

  #createStream(): void {
    if (this.#options.direction === 'publish') {
      const key = keyOf(this.#options.target);
      this.#answers.send(streamNameRequest('releaseStream', 3, key));
      this.#answers.send(streamNameRequest('FCPublish', 4, key));
    }
    this.#answers.send(createStreamRequest(CREATE_STREAM));
  }

  #begin(result: CommandMessage): void {
    const streamId = parseCreateStreamResult(result);
    if (streamId === null) throw new RtmpError('malformed', 'the server gave no message stream');
    this.#streamId = streamId;
    const key = keyOf(this.#options.target);
    if (this.#options.direction === 'publish') {
      this.#answers.send(publishRequest(streamId, 5, key));
      return;
    }
    this.#answers.send(playRequest(streamId, 5, key));
    this.#answers.send({ type: 'user-control', event: 'set-buffer-length', streamId, milliseconds: BUFFER_MS });
  }

  #ready(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    clearTimeout(this.#timer);
    this.#events.onReady(this, this.#streamId);
  }

  /** A fault of the server's ends this connection and no other. */
  #guard(handle: () => void): void {
    if (this.#isClosed) return;
    try {
      handle();
    } catch (error) {
      const whose = error instanceof RtmpError ? 'protocol error' : 'a fault of our own';
      this.#end(`${whose}: ${error instanceof Error ? error.message : String(error)}`);
      this.#socket.destroy();
    }
  }
}

/** The stream key: the last part of the path as it came, and the query. */
function keyOf({ path, query }: MediaUrl): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  return query === '' ? name : `${name}?${query}`;
}
