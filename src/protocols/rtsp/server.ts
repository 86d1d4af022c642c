/** Listens for RTSP and RTSPS and gives each connection a session. */
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
import { socketLink } from './link.ts';
import type { RtspAuthOptions, RtspDeps, RtspServerOptions } from './options.ts';
import { RtspSession } from './session.ts';
import { SessionSet } from './session-set.ts';

export class RtspServer {
  #options: RtspServerOptions;
  readonly #deps: RtspDeps;
  readonly #sessions: SessionSet;
  #secure: tls.Server | null = null;
  #listener: Listener | null = null;

  constructor(options: RtspServerOptions, deps: RtspDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#sessions = new SessionSet(deps.clock);
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
      server.on('tlsClientError', (error, socket) => endFailedTls(this.#deps.faults, 'RTSP', error, socket));
    }
    const { limits } = this.#deps;
    if (limits !== undefined) guardDoor(server, limits.connections);
    this.#listener = await listen(server, address);
    this.#sessions.start();
    return this.#listener;
  }

  /** For the connections from now on. */
  useAuth(auth: RtspAuthOptions): void {
    this.#options = { ...this.#options, auth };
  }

  /** For the connections from now on, where it listens with TLS. */
  useCertificate(pem: TlsPem): void {
    this.#secure?.setSecureContext(pem);
  }

  /** Lets nobody in any more and ends the connections that are no session of the hub. */
  stop(): void {
    this.#listener?.close();
    this.#sessions.stop();
  }

  #accept(socket: Socket): void {
    const session = new RtspSession(socketLink(socket, this.#options.tls !== null), this.#options, this.#deps);
    socket.on('data', (bytes: Buffer) => session.push(bytes));
    this.#sessions.add(session, socket);
  }
}
