/** A peer without manners: a plain or TLS connection that sends whatever bytes its test likes, and keeps what comes. */
import { EventEmitter, once } from 'node:events';
import net, { type Socket } from 'node:net';
import tls from 'node:tls';
import type { Scope } from './temp-dir.ts';
import { withPatience } from './wait-for.ts';

export interface RawOptions {
  /** Whether the bytes go over TLS. */
  readonly isTls?: boolean;
  /** This machine's address that it comes from, 127.0.0.1 where nothing is said. */
  readonly localAddress?: string;
}

export class RawClient {
  readonly socket: Socket;
  readonly #port: number;
  readonly #chunks: Buffer[] = [];
  readonly #arrived = new EventEmitter();
  readonly #closed: Promise<void>;

  private constructor(scope: Scope, socket: Socket, port: number) {
    this.socket = socket;
    this.#port = port;
    this.#arrived.setMaxListeners(0);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#arrived.emit('change');
    });
    this.#closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.once('close', () => this.#arrived.emit('change'));
    scope.after(() => void socket.destroy());
  }

  /** Resolves once it is connected, over TLS once the handshake is done. */
  static async open(scope: Scope, port: number, options: RawOptions = {}): Promise<RawClient> {
    const { isTls = false, localAddress = '127.0.0.1' } = options;
    const at = { host: '127.0.0.1', port, localAddress };
    const socket = isTls ? tls.connect({ ...at, rejectUnauthorized: false }) : net.connect(at);
    const client = new RawClient(scope, socket, port);
    const isOpen = once(socket, isTls ? 'secureConnect' : 'connect');
    await withPatience(isOpen, () => `no connection to port ${port}`);
    return client;
  }

  send(bytes: Buffer | string): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  /** What came so far. */
  received(): Buffer {
    if (this.#chunks.length > 1) this.#chunks.splice(0, this.#chunks.length, Buffer.concat(this.#chunks));
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  /** What came so far, as text. */
  text(): string {
    return this.received().toString('latin1');
  }

  /** Resolves with what came once it matches; rejects where the server closes before. */
  async until(what: RegExp): Promise<string> {
    const wait = async (): Promise<string> => {
      for (;;) {
        const text = this.text();
        if (what.test(text)) return text;
        if (this.socket.destroyed) throw new Error(`closed before ${what} came: ${text.slice(0, 500)}`);
        await once(this.#arrived, 'change');
      }
    };
    return withPatience(wait(), () => `${what} did not come: ${this.text().slice(0, 500)}`);
  }

  /** Resolves with all that came once the server has ended the connection. */
  async ended(): Promise<string> {
    await withPatience(
      this.#closed,
      () => `the server did not end the connection to port ${this.#port}: ${this.text().slice(0, 500)}`,
    );
    return this.text();
  }

  leave(): void {
    this.socket.destroy();
  }
}

/** Sends the bytes one by one, forever again from the start of `again`, until the connection ends. */
export function drip(client: RawClient, bytes: string, again: string, everyMs: number): void {
  let at = 0;
  const timer = setInterval(() => {
    const next = at < bytes.length ? bytes.charAt(at) : again.charAt((at - bytes.length) % again.length);
    at++;
    client.send(Buffer.from(next, 'latin1'));
  }, everyMs);
  client.socket.once('close', () => clearInterval(timer));
}
