/** Listens for RTSP and RTSPS and gives each connection a session. */
import type { Socket } from 'node:net';
import { type Listener, TcpListener, type TlsPem } from '../../net/index.ts';
import { socketLink } from './link.ts';
import type { RtspAuthOptions, RtspDeps, RtspServerOptions } from './options.ts';
import { RtspSession } from './session.ts';
import { SessionSet } from './session-set.ts';

export class RtspServer {
  #options: RtspServerOptions;
  readonly #deps: RtspDeps;
  readonly #listener: TcpListener;
  readonly #sessions: SessionSet;

  constructor(options: RtspServerOptions, deps: RtspDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#listener = new TcpListener('RTSP', options, deps, (socket) => this.#accept(socket));
    this.#sessions = new SessionSet(deps.clock);
  }

  /** Rejects where the port cannot be bound or the TLS files cannot be read. */
  async start(): Promise<Listener> {
    const listener = await this.#listener.start();
    this.#sessions.start();
    return listener;
  }

  /** For the connections from now on. */
  useAuth(auth: RtspAuthOptions): void {
    this.#options = { ...this.#options, auth };
  }

  /** For the connections from now on, where it listens with TLS. */
  useCertificate(pem: TlsPem): void {
    this.#listener.useCertificate(pem);
  }

  /** Lets nobody in any more and ends the connections that are no session of the hub. */
  stop(): void {
    this.#listener.stop();
    this.#sessions.stop();
  }

  #accept(socket: Socket): void {
    const session = new RtspSession(socketLink(socket, this.#options.tls !== null), this.#options, this.#deps);
    socket.on('data', (bytes: Buffer) => session.push(bytes));
    this.#sessions.add(session, socket);
  }
}
