/** Refuses a request whose socket is already beyond the HTTP server's own answers. */
import type { Socket } from 'node:net';
import { closeGently } from './closing.ts';

/** What a refusal for want of room, or at the server's end, says of when another try is worth it. */
export const RETRY_AFTER = ['Retry-After', '10'] as const;

/** Sends the whole answer, and ends the connection. */
export function refuseRequest(
  socket: Socket,
  status: string,
  headers: Readonly<Record<string, string>> = {},
  body = '',
): void {
  const all = { ...headers, 'Content-Length': `${Buffer.byteLength(body)}`, Connection: 'close' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  socket.write([`HTTP/1.1 ${status}`, ...lines, '', body].join('\r\n'));
  closeGently(socket);
}
