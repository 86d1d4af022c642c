/** One file that is written while a stream goes on: in order, off the media's path, within a bound. */
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder } from '../host/index.ts';

/** Where the disk is behind by more than this, the record ends. Bytes. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** A file of the same stream and second is not overwritten: so many names are tried. */
const MAX_TRIES = 100;

export interface RecordFileEvents {
  /** The file is there. */
  onOpen(path: string): void;
  /** All is written and the file closed, or it failed, for this reason. Once, and nothing follows. */
  onClosed(failure: string | null): void;
}

export class RecordFile {
  readonly #events: RecordFileEvents;
  #path: string | null = null;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #writtenBytes = 0;
  #isEnding = false;
  #failure: string | null = null;
  #wake: (() => void) | null = null;

  /** @param pathOf the path for a try, 0 the first; a path that is taken is passed over */
  constructor(pathOf: (attempt: number) => string, events: RecordFileEvents) {
    this.#events = events;
    this.#run(pathOf)
      .catch((error: unknown) => {
        this.#failure ??= error instanceof Error ? error.message : String(error);
      })
      .finally(() => {
        this.#waiting = [];
        events.onClosed(this.#failure);
      });
  }

  /** Null until the file is there. */
  get path(): string | null {
    return this.#path;
  }

  /** On disk or on their way there. */
  get bytes(): number {
    return this.#writtenBytes + this.#waitingBytes;
  }

  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Takes bytes; never waits, never throws. Nothing is taken any more once it failed or was ended. */
  write(bytes: Buffer): void {
    if (this.#isEnding || this.#failure !== null || bytes.length === 0) return;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > MAX_WAITING_BYTES) {
      this.#failure = `the disk is too slow: ${this.#waitingBytes} bytes wait, allowed are ${MAX_WAITING_BYTES}`;
    }
    this.#wake?.();
  }

  /** What has been taken is still written. */
  end(): void {
    this.#isEnding = true;
    this.#wake?.();
  }

  async #run(pathOf: (attempt: number) => string): Promise<void> {
    const file = await this.#open(pathOf);
    try {
      for (;;) {
        if (this.#failure !== null) return;
        if (this.#waitingBytes > 0) await this.#writeWaiting(file);
        else if (this.#isEnding) return;
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          this.#wake = null;
        }
      }
    } finally {
      await file.close();
    }
  }

  async #open(pathOf: (attempt: number) => string): Promise<FileHandle> {
    for (let attempt = 0; ; attempt++) {
      const path = pathOf(attempt);
      await makeFolder(dirname(path));
      try {
        const file = await open(path, 'wx');
        this.#path = path;
        this.#events.onOpen(path);
        return file;
      } catch (error) {
        const isTaken = error instanceof Error && 'code' in error && error.code === 'EEXIST';
        if (!isTaken || attempt >= MAX_TRIES) throw error;
      }
    }
  }

  async #writeWaiting(file: FileHandle): Promise<void> {
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    let done = 0;
    while (done < bytes.length) {
      const { bytesWritten } = await file.write(bytes, done);
      done += bytesWritten;
      this.#writtenBytes += bytesWritten;
      this.#waitingBytes -= bytesWritten;
    }
  }
}
