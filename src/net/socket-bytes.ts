/** Counts what a session's socket received and sent, where a socket may have served other requests before. */
import type { Socket } from 'node:net';

/** Bytes that earlier requests on a kept-alive connection account for. */
const before = new WeakMap<Socket, { read: number; wrote: number }>();

export interface SocketBytes {
  read(): number;
  /** Handed to the kernel: what still waits in this process is not sent. */
  wrote(): number;
}

/** Counters for what goes over the socket from the end of its last request on. */
export function countBytes(socket: Socket): SocketBytes {
  const base = before.get(socket) ?? { read: 0, wrote: 0 };
  return {
    read: () => socket.bytesRead - base.read,
    wrote: () => Math.max(0, socket.bytesWritten - socket.writableLength - base.wrote),
  };
}

/** A request on this connection is over: its bytes are not the next one's. */
export function settleBytes(socket: Socket): void {
  before.set(socket, { read: socket.bytesRead, wrote: socket.bytesWritten });
}
