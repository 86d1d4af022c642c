/** Listens for connections of a protocol of its own, plain or over TLS, and lets them in as far as there is room. */
import { createServer, type Server, type Socket } from 'node:net';
import tls from 'node:tls';
import { guardDoor, tellOverRtsp } from './door.ts';
import {
  type ListenAddress,
  type Listener,
  listen,
  readTlsFiles,
  SOCKET_OPTIONS,
  type TlsFiles,
  type TlsPem,
} from './listen.ts';
import { endFailedTls, type FaultyProtocol, type PeerFaults } from './peer-faults.ts';
import type { PeerLimits } from './peer-limits.ts';

export interface TcpListenerOptions {
  readonly address: ListenAddress;
  /** Null: plain. */
  readonly tls: TlsFiles | null;
  /** Until a TLS handshake is done. */
  readonly handshakeTimeoutMs: number;
}

interface TcpListenerDeps {
  readonly faults: PeerFaults;
  /** Absent: everybody is let in. */
  readonly limits?: PeerLimits;
}

export class TcpListener {
  readonly #protocol: FaultyProtocol;
  readonly #options: TcpListenerOptions;
  readonly #deps: TcpListenerDeps;
  readonly #accept: (socket: Socket) => void;
  #secure: tls.Server | null = null;
  #listener: Listener | null = null;

  /** @param accept gets each connection, over TLS once its handshake is done */
  constructor(
    protocol: FaultyProtocol,
    options: TcpListenerOptions,
    deps: TcpListenerDeps,
    accept: (socket: Socket) => void,
  ) {
    this.#protocol = protocol;
    this.#options = options;
    this.#deps = deps;
    this.#accept = accept;
  }

  /** Rejects where the port cannot be bound or the TLS files cannot be read. */
  async start(): Promise<Listener> {
    const { tls: files, address, handshakeTimeoutMs } = this.#options;
    let server: Server;
    if (files === null) server = createServer(SOCKET_OPTIONS, this.#accept);
    else {
      const secure = { ...readTlsFiles(files), ...SOCKET_OPTIONS, handshakeTimeout: handshakeTimeoutMs };
      server = this.#secure = tls.createServer(secure, this.#accept);
      server.on('tlsClientError', (error, socket) => endFailedTls(this.#deps.faults, this.#protocol, error, socket));
    }
    const { limits } = this.#deps;
    if (limits !== undefined) {
      // RTMP has no words before its handshake, and over TLS they would cost one
      const canBeTold = this.#protocol === 'RTSP' && files === null;
      guardDoor(server, limits.connections, canBeTold ? tellOverRtsp() : undefined);
    }
    this.#listener = await listen(server, address);
    return this.#listener;
  }

  /** For the connections from now on, where it listens with TLS. */
  useCertificate(pem: TlsPem): void {
    this.#secure?.setSecureContext(pem);
  }

  /** Lets nobody in any more; connections that are there go on. */
  stop(): void {
    this.#listener?.close();
  }
}
