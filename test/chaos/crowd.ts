/** Cheap clients that come and go: RTMP publishers and players, HTTP-FLV players; each known by a token of its own. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { TestClient } from '../../src/protocols/rtmp/client.fixture.ts';
import { connectRequest, parseStatus, type RtmpMessage } from '../../src/wire/rtmp/index.ts';
import type { Random } from './random.ts';

/** What a client asked for; events that name its token must agree with it. */
export interface ClientSession {
  /** In the URL's query (`n=TOKEN`), and in RTMP's flashVer. */
  readonly token: string;
  readonly life: number;
  readonly protocol: 'RTMP' | 'FLV';
  readonly baseType: 'PUB' | 'SUB';
  readonly stream: string;
  /** The server has told the client that it is let in. */
  accepted: boolean;
}

export interface CrowdOptions {
  readonly life: number;
  readonly ports: { readonly rtmp: number; readonly http: number };
  /** Told of each session before the server can know of it. */
  readonly onSession: (session: ClientSession) => void;
  /** Told of each thing that a client did. */
  readonly onAction: () => void;
}

interface Client {
  readonly socket: Socket;
  readonly publisher: TestClient | null;
}

const STREAMS = ['s0', 's1', 's2', 's3'] as const;
/** More than this at a time, and somebody must go first. */
const MAX_CLIENTS = 5;

/** MPEG-4 AAC LC, 44.1 kHz, stereo. */
const AUDIO_CONFIG = Buffer.from([0xaf, 0, 0x12, 0x10]);
/** As far as the frames' timestamps are apart. */
const FRAME_MS = 23;
const AUDIO_FRAME = Buffer.concat([Buffer.from([0xaf, 1]), Buffer.alloc(256, 0x21)]);

/** A few clients that one hand moves: one thing after the other, until the server is gone. */
export class Crowd {
  readonly #options: CrowdOptions;
  readonly #name: string;
  readonly #random: Random;
  readonly #clients: Client[] = [];
  #count = 0;
  #timestamp = 0;
  #done = false;

  /** @param name begins the tokens, and differs from crowd to crowd and life to life */
  constructor(name: string, random: Random, options: CrowdOptions) {
    this.#name = name;
    this.#random = random;
    this.#options = options;
  }

  /** Goes on until `end`. */
  async run(): Promise<void> {
    while (!this.#done) {
      await this.#act();
      this.#options.onAction();
    }
  }

  /** No more is begun. */
  end(): void {
    this.#done = true;
  }

  /** All go at once, without a word. */
  leave(): void {
    for (const { socket } of this.#clients.splice(0)) socket.destroy();
  }

  async #act(): Promise<void> {
    const drawn = this.#random.next();
    if (this.#clients.length >= MAX_CLIENTS || (drawn < 0.3 && this.#clients.length > 0)) await this.#goOne();
    else if (drawn < 0.6) await this.#playFlv();
    else if (drawn < 0.7) await this.#playRtmp();
    else await this.#publish();
    this.#sendFrames();
  }

  async #goOne(): Promise<void> {
    const [client] = this.#clients.splice(this.#random.between(0, this.#clients.length - 1), 1);
    if (client === undefined) return;
    const { socket, publisher } = client;
    const isPolite = this.#random.next() < 0.5;
    if (publisher !== null && isPolite) publisher.call('deleteStream', 5, 1);
    if (isPolite) socket.destroySoon();
    else socket.resetAndDestroy();
    await closed(socket);
  }

  async #playFlv(): Promise<void> {
    const session = this.#session('FLV', 'SUB');
    const socket = connect(this.#options.ports.http, '127.0.0.1');
    socket.on('error', () => {});
    this.#clients.push({ socket, publisher: null });
    socket.write(`GET /live/${session.stream}.flv?n=${session.token} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`);
    const answered = await Promise.race([once(socket, 'data').catch(() => null), closed(socket)]);
    session.accepted = answered?.[0]?.toString('latin1').startsWith('HTTP/1.1 200') ?? false;
    socket.resume();
  }

  async #playRtmp(): Promise<void> {
    const session = this.#session('RTMP', 'SUB');
    const client = await this.#rtmp(session);
    if (client === null) return;
    this.#clients.push({ socket: client.socket, publisher: null });
    client.call('play', 4, `${session.stream}?n=${session.token}`);
    session.accepted = await hasStatus(client, 'NetStream.Play.Start');
  }

  async #publish(): Promise<void> {
    const session = this.#session('RTMP', 'PUB');
    const client = await this.#rtmp(session);
    if (client === null) return;
    client.call('publish', 4, `${session.stream}?n=${session.token}`, 'live');
    session.accepted = await hasStatus(client, 'NetStream.Publish.Start');
    if (!session.accepted) {
      // the name was taken: the server ends the connection
      client.socket.destroy();
      return;
    }
    this.#clients.push({ socket: client.socket, publisher: client });
    client.send({ type: 'audio', streamId: 1, timestamp: 0, payload: AUDIO_CONFIG });
  }

  /** Connected; null where the server is gone. */
  async #rtmp(session: ClientSession): Promise<TestClient | null> {
    const client = await TestClient.open(this.#options.ports.rtmp).catch(() => null);
    if (client === null || client.closed) return null;
    const tcUrl = 'rtmp://127.0.0.1/live';
    client.send(connectRequest({ app: 'live', tcUrl, flashVer: `n=${session.token}`, fourCcList: [] }));
    client.call('createStream', 2);
    const isOpen = await client
      .answer(({ name, transactionId }) => name === '_result' && transactionId === 2)
      .catch(() => null);
    return isOpen === null ? null : client;
  }

  #sendFrames(): void {
    this.#timestamp += FRAME_MS;
    for (const { publisher } of this.#clients) {
      if (publisher === null || !publisher.socket.writable) continue;
      publisher.send({ type: 'audio', streamId: 1, timestamp: this.#timestamp, payload: AUDIO_FRAME });
      // what a test client received is of no use here, and it keeps all of it
      publisher.received.length = 0;
    }
  }

  #session(protocol: 'RTMP' | 'FLV', baseType: 'PUB' | 'SUB'): ClientSession {
    const { life, onSession } = this.#options;
    const token = `${this.#name}-${this.#count++}`;
    const session = { token, life, protocol, baseType, stream: this.#random.pick(STREAMS), accepted: false };
    onSession(session);
    return session;
  }
}

async function closed(socket: Socket): Promise<null> {
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  return null;
}

/** Whether the server answers with this code; false where it answers with an error, or is gone. */
async function hasStatus(client: TestClient, code: string): Promise<boolean> {
  const isStatus = (message: RtmpMessage): boolean =>
    message.type === 'command' &&
    message.name === 'onStatus' &&
    (parseStatus(message).code === code || parseStatus(message).level === 'error');
  await client.until(() => client.received.some(isStatus));
  return client.statuses().includes(code);
}
