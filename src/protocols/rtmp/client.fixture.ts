/** Test helper: an RTMP client of a few lines on a real socket, for what ffmpeg and OBS never send. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { AmfValue } from '../../containers/flv/index.ts';
import {
  ChunkReader,
  ChunkWriter,
  ClientHandshake,
  type CommandMessage,
  command,
  connectRequest,
  parseMessage,
  parseStatus,
  type RtmpMessage,
} from '../../wire/rtmp/index.ts';

export class TestClient {
  readonly socket: Socket;
  readonly received: RtmpMessage[] = [];
  closed = false;
  readonly #handshake = new ClientHandshake();
  readonly #reader = new ChunkReader();
  readonly #writer = new ChunkWriter();
  #shaken = false;
  #waiting: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  /** Connected, the handshake done. */
  static async open(port: number): Promise<TestClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const client = new TestClient(socket);
    socket.write(client.#handshake.start());
    await client.until(() => client.#shaken);
    return client;
  }

  send(message: RtmpMessage): void {
    this.socket.write(this.#writer.write(message));
  }

  call(name: string, transactionId: number, ...args: AmfValue[]): void {
    this.send(command(name === 'publish' || name === 'play' ? 1 : 0, name, transactionId, null, ...args));
  }

  /** Connect and createStream, answered. @param fourCcList codecs of enhanced RTMP that it says it knows */
  async connectApp(app: string, fourCcList: readonly string[] = []): Promise<void> {
    this.send(connectRequest({ app, tcUrl: `rtmp://127.0.0.1/${app}`, flashVer: 'test', fourCcList }));
    this.call('createStream', 2);
    await this.answer((message) => message.name === '_result' && message.transactionId === 2);
  }

  /** Waits for a command that `wanted` accepts. */
  async answer(wanted: (message: CommandMessage) => boolean): Promise<CommandMessage> {
    const find = () => this.received.find((message) => message.type === 'command' && wanted(message));
    await this.until(() => find() !== undefined);
    const found = find();
    if (found?.type !== 'command') throw new Error(`closed before the answer came; got ${this.statuses().join(', ')}`);
    return found;
  }

  /** Waits for an onStatus with this code and gives its description. */
  async status(code: string): Promise<string> {
    return parseStatus(
      await this.answer((message) => message.name === 'onStatus' && parseStatus(message).code === code),
    ).description;
  }

  statuses(): string[] {
    return this.received.flatMap((message) =>
      message.type === 'command' && message.name === 'onStatus' ? [parseStatus(message).code] : [],
    );
  }

  async untilClosed(): Promise<void> {
    await this.until(() => this.closed);
  }

  /** Waits until `done`, or the connection is closed. */
  async until(done: () => boolean): Promise<void> {
    while (!done() && !this.closed) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #onData(bytes: Buffer): void {
    let chunks = bytes;
    if (!this.#shaken) {
      const step = this.#handshake.push(bytes);
      if (step.send !== null) this.socket.write(step.send);
      if (!step.done) return;
      this.#shaken = true;
      chunks = step.rest;
    }
    this.#reader.push(chunks);
    for (let raw = this.#reader.next(); raw !== null; raw = this.#reader.next()) this.received.push(parseMessage(raw));
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
