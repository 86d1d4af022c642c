/** Names for the two ends of a socket, as the API and the callbacks write them. */
import type { Socket } from 'node:net';

/** `ADDRESS:PORT` of the peer, IPv6 in brackets, IPv4 seen through an IPv6 socket as plain IPv4. */
export function remoteAddress(socket: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  const address = plainAddress(socket.remoteAddress);
  return `${address.includes(':') ? `[${address}]` : address}:${socket.remotePort ?? 0}`;
}

/** IPv4 seen through an IPv6 socket as plain IPv4; empty where there is none. */
export function plainAddress(address = ''): string {
  return address.replace(/^::ffff:(?=\d+\.)/, '');
}

/** IPv6 without the zone that tells one link from another (RFC 4007 11). */
export function withoutZone(address: string): string {
  return address.replace(/%.*$/, '');
}

/** Whether nobody but this machine is behind the address, or behind the host of a listener. */
export function isLoopback(host: string): boolean {
  return /^(127\.|::1$|localhost$)/.test(host);
}
