/** Servers that misbehave: each takes connections and does to them what its test says. */
import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import tls from 'node:tls';
import type { Scope } from './temp-dir.ts';
import { Arrivals } from './wait-for.ts';

export class BadServer {
  /** In the order in which they came. */
  readonly connections = new Arrivals<Socket>((socket) => `${socket.bytesRead} bytes`);
  #behave: (socket: Socket) => void;
  readonly #server: net.Server;
  #port = 0;

  /** @param behave is called with each connection as it comes */
  constructor(behave: (socket: Socket) => void, certificate?: { cert: string; key: string }) {
    this.#behave = behave;
    const take = (socket: Socket): void => {
      socket.on('error', () => {});
      this.connections.add(socket);
      this.#behave(socket);
    };
    this.#server = certificate === undefined ? net.createServer(take) : tls.createServer(certificate, take);
    this.#server.on('tlsClientError', () => {});
  }

  get port(): number {
    return this.#port;
  }

  /** Does so with the connections that come, and ends those that are there. */
  change(behave: (socket: Socket) => void): void {
    this.#behave = behave;
    for (const socket of this.connections.all) socket.destroy();
  }

  async start(scope: Scope): Promise<this> {
    const sockets = new Set<Socket>();
    this.#server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
    scope.after(() => {
      this.#server.close();
      for (const socket of sockets) socket.destroy();
    });
    return this;
  }
}

/** Writes the same again and again, as long as the peer takes it. */
export function writeEndlessly(socket: Socket, piece: Buffer | string): void {
  const more = (): void => {
    while (socket.writable && socket.write(piece)) {
      // until it is not taken at once
    }
  };
  socket.on('drain', more);
  more();
}
