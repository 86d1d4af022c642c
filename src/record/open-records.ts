/** Which files are being written, kept on disk, so that those of a crash get their stop at the next start. */
import { readFileSync, writeFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { makeFolder } from '../host/index.ts';
import type { Log } from '../streams/index.ts';
import { RECORD_FORMATS } from './formats.ts';
import type { OpenRecord } from './recording.ts';

const kept = z.record(
  z.string(),
  z.object({
    streamName: z.string(),
    appName: z.string(),
    format: z.enum(RECORD_FORMATS),
    startUnixMs: z.number(),
  }),
);

export class OpenRecords {
  readonly #path: string;
  readonly #log: Log;
  readonly #open = new Map<string, OpenRecord>();
  #writing: Promise<void> | null = null;
  #isStale = false;

  /** @param path of the file that keeps them */
  constructor(path: string, log: Log) {
    this.#path = path;
    this.#log = log;
  }

  /** What the process before this one left open. A file that cannot be read is logged and taken for empty. */
  takeLeft(): ReadonlyMap<string, OpenRecord> {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch {
      return new Map();
    }
    try {
      const left = new Map(Object.entries(kept.parse(JSON.parse(text))));
      writeFileSync(this.#path, '{}');
      return left;
    } catch (error) {
      this.#log.error({ path: this.#path, error }, 'which records a crash left open cannot be read; they get no stop');
      return new Map();
    }
  }

  /** A file was begun, or (null) is complete. */
  set(path: string, record: OpenRecord | null): void {
    if (record === null) this.#open.delete(path);
    else this.#open.set(path, record);
    this.#isStale = true;
    this.#save();
  }

  /** Resolves when what is on disk is what is open. */
  async settled(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  #save(): void {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null;
      // what changed after the last look
      if (this.#isStale) this.#save();
    });
  }

  async #write(): Promise<void> {
    while (this.#isStale) {
      this.#isStale = false;
      try {
        makeFolder(dirname(this.#path));
        const unfinished = `${this.#path}.unfinished`;
        await writeFile(unfinished, JSON.stringify(Object.fromEntries(this.#open)));
        await rename(unfinished, this.#path);
      } catch (error) {
        this.#log.warn(
          { path: this.#path, error },
          'which records are open cannot be kept; a crash would lose their stops',
        );
      }
    }
  }
}
