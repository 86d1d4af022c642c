/** Ends a connection so that the peer gets what was written, but never waits long for it. */
import type { Socket } from 'node:net';
import { lookAtBytes } from './socket-bytes.ts';

/** How long a peer may take to read what is still to be sent. Milliseconds. */
const FLUSH_MS = 2000;

/** Sends what is pending and FIN; cuts the connection if the peer does not take it in time. */
export function closeGently(socket: Socket): void {
  if (socket.destroyed) return;
  // nobody is there who could be sent anything
  if (socket.connecting) {
    socket.destroy();
    return;
  }
  const timer = setTimeout(() => {
    lookAtBytes(socket);
    socket.destroy();
  }, FLUSH_MS);
  socket.once('close', () => clearTimeout(timer));
  socket.end(() => socket.destroySoon());
}
