/** Counts what a session's socket received and sent, where a socket may have served other sessions before. */
import type { Socket } from 'node:net';

/** Bytes that earlier sessions on a connection account for. */
const before = new WeakMap<Socket, { read: number; wrote: number }>();
/** Looks how far the sending is, for the session that the socket serves. */
const looks = new WeakMap<Socket, () => number>();

export interface SocketBytes {
  read(): number;
  /** Handed to the kernel: what still waits in this process is not sent. */
  wrote(): number;
}

/** Counters for what goes over the socket from the end of its last session on. */
export function countBytes(socket: Socket): SocketBytes {
  const base = before.get(socket) ?? { read: 0, wrote: 0 };
  let seen = 0;
  /** What had been dispatched when a write was seen to wait; null where none was at the last look. */
  let waitingAt: number | null = null;
  const wrote = (): number => {
    const queued = writeQueueSize(socket);
    const begun = dispatched(socket);
    if (queued === null) {
      const { errored } = socket;
      if (errored === null) return begun - base.wrote;
      // on a closed socket nothing is known of the last write any more: where it was stuck, what was seen last holds
      if (waitingAt === begun) return seen;
      // where another one has begun since, it was not, but that one was, if it is we who cut it off
      const isCut = 'code' in errored && errored.code === 'ECANCELED';
      return isCut ? Math.max(seen, (waitingAt ?? 0) - base.wrote) : begun - base.wrote;
    }
    waitingAt = queued > 0 ? begun : null;
    seen = Math.max(0, begun - queued - base.wrote);
    return seen;
  };
  looks.set(socket, wrote);
  return { read: () => socket.bytesRead - base.read, wrote };
}

/** Before a socket is cut off in the middle of a write: afterwards nothing can be known of that. */
export function lookAtBytes(socket: Socket): void {
  looks.get(socket)?.();
}

/** A session on this connection is over: its bytes are not the next one's. */
export function settleBytes(socket: Socket): void {
  before.set(socket, { read: socket.bytesRead, wrote: socket.bytesWritten });
}

/**
 * Bytes that a write under way has not handed to the kernel yet; null once the socket is closed. Node.js keeps this on
 * its handle for its own time-outs (`Socket._onTimeout`); `writableLength` counts such a write as unsent to its end.
 */
function writeQueueSize(socket: Socket): number | null {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (typeof handle !== 'object' || handle === null) return null;
  const own = queueOf(handle);
  if (own === 0) return 0;
  // over TLS the handle has what it encrypted until the last byte of it is written; what of it still waits is the socket's below
  const below: unknown = Reflect.get(handle, '_parent');
  const waiting = typeof below === 'object' && below !== null ? queueOf(below) : 0;
  return waiting > 0 ? Math.min(own, waiting) : own;
}

function queueOf(handle: object): number {
  const size: unknown = Reflect.get(handle, 'writeQueueSize');
  return typeof size === 'number' ? size : 0;
}

/** Bytes given to writes that have begun; `bytesWritten` without what no write has taken up yet. */
function dispatched(socket: Socket): number {
  const bytes: unknown = Reflect.get(socket, '_bytesDispatched');
  return typeof bytes === 'number' ? bytes : socket.bytesWritten - socket.writableLength;
}
