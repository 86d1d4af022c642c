/** Listens for RTMP and RTMPS and gives each connection a session. */
import { createServer, type Server, type Socket } from 'node:net';
import tls from 'node:tls';
import {
  endFailedTls,
  guardDoor,
  type Listener,
  listen,
  readTlsFiles,
  SOCKET_OPTIONS,
  type TlsPem,
} from '../../net/index.ts';
import type { RtmpDeps, RtmpServerOptions } from './options.ts';
import { RtmpSession } from './session.ts';

export class RtmpServer {
  readonly #options: RtmpServerOptions;
  readonly #deps: RtmpDeps;
  /** Connections that are no session of the hub yet, or no more. */
  readonly #sessions = new Set<RtmpSession>();
  #secure: tls.Server | null = null;
  #listener: Listener | null = null;

  constructor(options: RtmpServerOptions, deps: RtmpDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Rejects where the port cannot be bound or the TLS files cannot be read. */
  async start(): Promise<Listener> {
    const { tls: files, address, handshakeTimeoutMs } = this.#options;
    const accept = (socket: Socket): void => this.#accept(socket);
    let server: Server;
    if (files === null) server = createServer(SOCKET_OPTIONS, accept);
    else {
      const secure = { ...readTlsFiles(files), ...SOCKET_OPTIONS, handshakeTimeout: handshakeTimeoutMs };
      server = this.#secure = tls.createServer(secure, accept);
      server.on('tlsClientError', (error, socket) => endFailedTls(this.#deps.faults, 'RTMP', error, socket));
    }
    const { limits } = this.#deps;
    if (limits !== undefined) guardDoor(server, limits.connections);
    this.#listener = await listen(server, address);
    return this.#listener;
  }

  /** For the connections from now on, where it listens with TLS. */
  useCertificate(pem: TlsPem): void {
    this.#secure?.setSecureContext(pem);
  }

  /** Lets nobody in any more and ends the connections that are no session of the hub. */
  stop(): void {
    this.#listener?.close();
    for (const session of this.#sessions) session.closeIdle();
  }

  #accept(socket: Socket): void {
    const session = new RtmpSession(socket, this.#options, this.#deps);
    this.#sessions.add(session);
    socket.once('close', () => this.#sessions.delete(session));
  }
}
