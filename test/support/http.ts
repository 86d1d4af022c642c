/** HTTP and WebSocket players that count every byte of their socket, which fetch does not let them. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { WebSocket } from 'ws';
import type { Scope } from './temp-dir.ts';
import { withPatience } from './wait-for.ts';

/** A player over HTTP/1.1: one GET, and whatever comes until the server closes. */
export class HttpPlayer {
  readonly #socket: net.Socket;
  readonly #chunks: Buffer[] = [];
  readonly #closed: Promise<void>;
  readonly #arrived = new EventEmitter();
  /** All bytes of the answer so far, head included: what the server says it wrote must be equal. */
  received = 0;

  constructor(scope: Scope, url: string, init: { method?: string; headers?: readonly string[] } = {}) {
    const { protocol, hostname, port, host } = new URL(url);
    const options = { host: hostname, port: Number(port) };
    this.#socket =
      protocol === 'https:' ? tls.connect({ ...options, rejectUnauthorized: false }) : net.connect(options);
    const target = url.slice(url.indexOf('/', protocol.length + 2));
    const lines = [`${init.method ?? 'GET'} ${target} HTTP/1.1`, `Host: ${host}`, ...(init.headers ?? [])];
    this.#socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    this.#socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.received += chunk.length;
      this.#arrived.emit('bytes');
    });
    this.#socket.on('error', () => {});
    this.#closed = new Promise((resolve) => this.#socket.once('close', () => resolve()));
    this.#socket.once('close', () => this.#arrived.emit('bytes'));
    this.#arrived.setMaxListeners(0);
    scope.after(() => void this.#socket.destroy());
  }

  /** Resolves when the answer's head has come. */
  async head(): Promise<ResponseHead> {
    await this.#until('a response head', () => this.#headEnd() !== -1);
    return parseHead(this.#all().subarray(0, this.#headEnd()).toString('latin1'));
  }

  /** Resolves with the body so far once it has this many bytes. */
  async body(bytes: number): Promise<Buffer> {
    await this.#until(`${bytes} bytes of the body`, () => this.#headEnd() !== -1 && this.bodyNow().length >= bytes);
    return this.bodyNow();
  }

  bodyNow(): Buffer {
    return this.#all().subarray(this.#headEnd() + 4);
  }

  /** Resolves when the server has closed the connection and everything is read. */
  closed(): Promise<void> {
    return withPatience(this.#closed, () => 'the server did not close the connection');
  }

  /** The player leaves. */
  leave(): void {
    this.#socket.destroy();
  }

  /** The player's machine is gone, and says so (RST). */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Sends more on the same connection. */
  send(text: string): void {
    this.#socket.write(text);
  }

  /** Reads no more, so that the server's sends back up; the connection stays. */
  pause(): void {
    this.#socket.pause();
  }

  async #until(what: string, isThere: () => boolean): Promise<void> {
    const wait = async (): Promise<void> => {
      while (!isThere()) {
        assert.ok(
          !this.#socket.destroyed,
          `the connection ended before ${what} came: ${this.#all().toString('latin1')}`,
        );
        await once(this.#arrived, 'bytes');
      }
    };
    await withPatience(wait(), () => `${what} did not come; ${this.received} bytes did`);
  }

  #all(): Buffer {
    if (this.#chunks.length > 1) this.#chunks.splice(0, this.#chunks.length, Buffer.concat(this.#chunks));
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  #headEnd(): number {
    return this.#all().indexOf('\r\n\r\n');
  }
}

export interface ResponseHead {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

function parseHead(text: string): ResponseHead {
  const [statusLine = '', ...lines] = text.split('\r\n');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { status: Number(statusLine.split(' ')[1]), headers: Object.fromEntries(headers) };
}

/** A player over WebSocket, by the `ws` package. */
export class WebSocketPlayer {
  readonly #webSocket: WebSocket;
  readonly #messages: Buffer[] = [];
  readonly #closed: Promise<number>;
  #socket: net.Socket | null = null;
  #bytes = 0;

  constructor(scope: Scope, url: string) {
    this.#webSocket = new WebSocket(url, { rejectUnauthorized: false, perMessageDeflate: true });
    this.#webSocket.on('upgrade', (response) => {
      this.#socket = response.socket;
    });
    this.#webSocket.on('message', (data: Buffer, isBinary) => {
      assert.ok(isBinary);
      this.#messages.push(data);
      this.#bytes += data.length;
      this.#webSocket.emit('bytes');
    });
    this.#webSocket.on('error', () => {});
    this.#closed = new Promise((resolve) => this.#webSocket.once('close', resolve));
    scope.after(() => this.#webSocket.terminate());
  }

  /** Resolves with the payloads so far, joined, once they are this many bytes. */
  async body(bytes: number): Promise<Buffer> {
    const wait = async (): Promise<void> => {
      while (this.#bytes < bytes) {
        assert.ok(this.#webSocket.readyState <= WebSocket.OPEN, `the WebSocket ended before ${bytes} bytes came`);
        await Promise.race([once(this.#webSocket, 'bytes'), this.#closed]);
      }
    };
    await withPatience(wait(), () => `${bytes} bytes did not come; ${this.#bytes} did`);
    return Buffer.concat(this.#messages);
  }

  /** Resolves with the close code when the server has closed. */
  closed(): Promise<number> {
    return withPatience(this.#closed, () => 'the server did not close the WebSocket');
  }

  /** All bytes of the socket so far, handshake included. */
  get received(): number {
    return this.#socket?.bytesRead ?? 0;
  }
}
