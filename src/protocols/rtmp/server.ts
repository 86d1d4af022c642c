/** Listens for RTMP and RTMPS and gives each connection a session. */
import type { Socket } from 'node:net';
import { type Listener, TcpListener, type TlsPem } from '../../net/index.ts';
import type { RtmpDeps, RtmpServerOptions } from './options.ts';
import { RtmpSession } from './session.ts';

export class RtmpServer {
  readonly #options: RtmpServerOptions;
  readonly #deps: RtmpDeps;
  readonly #listener: TcpListener;
  /** Connections that are no session of the hub yet, or no more. */
  readonly #sessions = new Set<RtmpSession>();

  constructor(options: RtmpServerOptions, deps: RtmpDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#listener = new TcpListener('RTMP', options, deps, (socket) => this.#accept(socket));
  }

  /** Rejects where the port cannot be bound or the TLS files cannot be read. */
  start(): Promise<Listener> {
    return this.#listener.start();
  }

  /** For the connections from now on, where it listens with TLS. */
  useCertificate(pem: TlsPem): void {
    this.#listener.useCertificate(pem);
  }

  /** Lets nobody in any more and ends the connections that are no session of the hub. */
  stop(): void {
    this.#listener.stop();
    for (const session of this.#sessions) session.closeIdle();
  }

  #accept(socket: Socket): void {
    const session = new RtmpSession(socket, this.#options, this.#deps);
    this.#sessions.add(session);
    socket.once('close', () => this.#sessions.delete(session));
  }
}
