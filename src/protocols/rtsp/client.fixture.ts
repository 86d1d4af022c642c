/** Test helper: an RTSP client of a few lines on a real socket, for what ffmpeg and GStreamer never send. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  Headers,
  type InterleavedPacket,
  RtspReader,
  type RtspResponse,
  request,
  serializeInterleaved,
  serializeMessage,
} from '../../wire/rtsp/index.ts';

type Fields = readonly (readonly [name: string, value: string])[];

export class TestClient {
  readonly socket: Socket;
  readonly packets: InterleavedPacket[] = [];
  readonly responses: RtspResponse[] = [];
  closed = false;
  session: string | null = null;
  readonly #reader = new RtspReader();
  #cseq = 0;
  #waiting: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.#reader.push(bytes);
      for (let message = this.#reader.next(); message !== null; message = this.#reader.next()) {
        if (message.kind === 'interleaved') this.packets.push(message);
        else if (message.kind === 'response') this.responses.push(message);
      }
      this.#wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  static async open(port: number): Promise<TestClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new TestClient(socket);
  }

  /** A request as this client sends it: with CSeq, and Session where there is one. */
  bytes(method: string, url: string, fields: Fields = [], body?: Buffer): Buffer {
    const headers = new Headers([['CSeq', String(++this.#cseq)], ...fields]);
    if (this.session !== null && headers.get('Session') === null) headers.add('Session', this.session);
    return serializeMessage(request(method, url, headers, body));
  }

  /** Sends a request and waits for the next response. */
  async ask(method: string, url: string, fields: Fields = [], body?: Buffer): Promise<RtspResponse> {
    return this.say(this.bytes(method, url, fields, body));
  }

  /** Sends bytes and waits for the next response. */
  async say(bytes: Buffer): Promise<RtspResponse> {
    const before = this.responses.length;
    this.socket.write(bytes);
    return this.response(before);
  }

  /** The response at this place. */
  async response(index: number): Promise<RtspResponse> {
    await this.until(() => this.responses.length > index);
    const found = this.responses[index];
    assert.ok(found, 'closed before the answer came');
    this.session = found.headers.get('Session')?.split(';')[0] ?? this.session;
    return found;
  }

  /** ANNOUNCE, SETUP of each medium over this connection, RECORD. */
  async publish(url: string, sdp: string): Promise<void> {
    const announced = await this.ask('ANNOUNCE', url, [['Content-Type', 'application/sdp']], Buffer.from(sdp));
    assert.equal(announced.status, 200, announced.reason);
    const controls = [...sdp.matchAll(/a=control:(\S+)/g)].flatMap(([, control]) => control ?? []);
    for (const [i, control] of controls.entries()) {
      const transport = `RTP/AVP/TCP;unicast;interleaved=${i * 2}-${i * 2 + 1};mode=record`;
      assert.equal((await this.ask('SETUP', `${url}/${control}`, [['Transport', transport]])).status, 200);
    }
    assert.equal((await this.ask('RECORD', url)).status, 200);
  }

  /** DESCRIBE, SETUP of each track over this connection, PLAY; the answer to PLAY. */
  async play(url: string, tracks = 1): Promise<RtspResponse> {
    assert.equal((await this.ask('DESCRIBE', url)).status, 200);
    for (let i = 0; i < tracks; i++) await this.setup(url, i, `RTP/AVP/TCP;unicast;interleaved=${i * 2}-${i * 2 + 1}`);
    return this.ask('PLAY', url);
  }

  async setup(url: string, track: number, transport: string): Promise<RtspResponse> {
    return this.ask('SETUP', `${url}/trackID=${track}`, [['Transport', transport]]);
  }

  packet(channel: number, payload: Buffer): void {
    this.socket.write(serializeInterleaved(channel, payload));
  }

  /** Waits until `done`, or the connection is closed. */
  async until(done: () => boolean): Promise<void> {
    while (!done() && !this.closed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async untilClosed(): Promise<void> {
    await this.until(() => false);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
