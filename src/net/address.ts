/** Names for the two ends of a socket, as the API and the callbacks write them. */
import type { Socket } from 'node:net';

/** `ADDRESS:PORT` of the peer, IPv6 in brackets, IPv4 seen through an IPv6 socket as plain IPv4. */
export function remoteAddress(socket: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '');
  return `${address.includes(':') ? `[${address}]` : address}:${socket.remotePort ?? 0}`;
}
