/** Opens connections to other servers. */
import net, { type Socket } from 'node:net';
import tls from 'node:tls';
import { SOCKET_OPTIONS } from './listen.ts';

export interface ConnectTarget {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  /** Whether the server's certificate must be one that this machine trusts. */
  readonly verifyTls: boolean;
}

/** Connects; `onConnect` once bytes can be sent. What goes wrong comes as the socket's `error`. */
export function connectTo({ host, port, isTls, verifyTls }: ConnectTarget, onConnect: () => void): Socket {
  if (!isTls) return net.connect({ host, port, ...SOCKET_OPTIONS }, onConnect);
  // an address is no name that could be indicated (RFC 6066 3)
  const servername = net.isIP(host) === 0 ? { servername: host } : {};
  const socket = tls.connect({ host, port, rejectUnauthorized: verifyTls, ...servername }, onConnect);
  socket.setNoDelay(SOCKET_OPTIONS.noDelay);
  socket.setKeepAlive(SOCKET_OPTIONS.keepAlive, SOCKET_OPTIONS.keepAliveInitialDelay);
  return socket;
}
