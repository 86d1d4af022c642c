/** RTSP over WebSocket: a port where any path is a connection of its own, for players. */
import { HttpListener, type Listener, refuseRequest } from '../../net/index.ts';
import { webSocketLink } from './link.ts';
import type { RtspAuthOptions, RtspDeps, RtspWebSocketOptions } from './options.ts';
import { RtspSession } from './session.ts';
import { SessionSet } from './session-set.ts';

export class RtspWebSocketServer {
  #options: RtspWebSocketOptions;
  readonly #listener: HttpListener;
  readonly #sessions: SessionSet;

  constructor(options: RtspWebSocketOptions, deps: RtspDeps) {
    this.#options = options;
    const { address, handshakeTimeoutMs } = options;
    const { serverName, log, faults, limits } = deps;
    this.#sessions = new SessionSet(deps.clock);
    this.#listener = new HttpListener({ address, tls: null, handshakeTimeoutMs, serverName }, log, faults, limits);
    this.#listener.addRoute({
      urlPattern: '/',
      extension: '',
      contentType: 'text/plain',
      play: ({ socket, upgrade }) => {
        if (upgrade === null) {
          refuseRequest(socket, '426 Upgrade Required', { Server: serverName, Upgrade: 'websocket' });
          return;
        }
        upgrade((webSocket) => {
          const session = new RtspSession(webSocketLink(webSocket, socket), this.#options, deps);
          webSocket.on('message', (data) => session.push(asBuffer(data)));
          webSocket.on('error', () => socket.destroy());
          this.#sessions.add(session, socket);
        });
      },
    });
  }

  /** Rejects where the port cannot be bound. */
  async start(): Promise<Listener> {
    const listener = await this.#listener.start();
    this.#sessions.start();
    return listener;
  }

  /** For the connections from now on. */
  useAuth(auth: RtspAuthOptions): void {
    this.#options = { ...this.#options, auth };
  }

  /** Lets nobody in any more and ends the connections that are no session of the hub. */
  stop(): void {
    this.#listener.stop();
    this.#sessions.stop();
  }
}

/** A message's payload, in whichever of the forms that the ws library has for it. */
function asBuffer(data: Buffer | ArrayBuffer | readonly Buffer[]): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return data instanceof ArrayBuffer ? Buffer.from(data) : Buffer.concat(data);
}
