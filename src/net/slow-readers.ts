/** Ends connections whose peers take what they are sent so slowly that they do nothing but hold it. */
import type { Socket } from 'node:net';
import { remoteAddress } from './address.ts';
import type { Refusals } from './refusals.ts';
import { countBytes } from './socket-bytes.ts';

/** A rate is taken over so many looks, one a second: the system takes bytes from us in large steps. */
const WINDOW_SEC = 30;
const LOOK_MS = 1000;

/** What a connection took. */
interface Reader {
  readonly wrote: () => number;
  /** At the look with which the present window began, and looks since; null: nothing waited at the last one. */
  window: { readonly wroteBefore: number; looks: number } | null;
}

export class SlowReaders {
  readonly #minBytesPerSec: () => number;
  readonly #refusals: Refusals;
  readonly #readers = new Map<Socket, Reader>();
  #timer: NodeJS.Timeout | null = null;

  /** @param minBytesPerSec what a peer must take at least while something waits for it; 0: anything */
  constructor(minBytesPerSec: () => number, refusals: Refusals) {
    this.#minBytesPerSec = minBytesPerSec;
    this.#refusals = refusals;
  }

  /** Looks after the connection until it closes, or what is returned is called. */
  watch(socket: Socket): () => void {
    const { wrote } = countBytes(socket);
    this.#readers.set(socket, { wrote, window: null });
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref();
    return () => {
      this.#readers.delete(socket);
    };
  }

  #look(): void {
    const minBytes = this.#minBytesPerSec() * WINDOW_SEC;
    for (const [socket, reader] of this.#readers) {
      if (socket.destroyed) this.#readers.delete(socket);
      else if (socket.writableLength === 0) reader.window = null;
      // what the system swallowed before anything waited tells nothing of the peer
      else if (reader.window === null) reader.window = { wroteBefore: reader.wrote(), looks: 0 };
      else if (++reader.window.looks >= WINDOW_SEC) {
        const bytes = reader.wrote() - reader.window.wroteBefore;
        if (bytes < minBytes) this.#cut(socket, bytes, minBytes);
        reader.window = { wroteBefore: reader.wrote(), looks: 0 };
      }
    }
    if (this.#readers.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  #cut(socket: Socket, bytes: number, minBytes: number): void {
    const sentence = `an answer is taken too slowly, ${bytes} bytes in ${WINDOW_SEC} s where ${minBytes} are the least`;
    this.#refusals.refused('min_read_bytes_per_sec', remoteAddress(socket), sentence);
    socket.destroy();
  }
}
