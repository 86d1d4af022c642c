/** Reads an outbox's database while no server runs on it, and leaves no trace in it. */
import { existsSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { Committed } from './history.ts';

export class OutboxReader {
  readonly #file: string;
  #lastSeq = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** The events that were committed since the last time, what stands in the write-ahead log included. */
  readNew(): Committed[] {
    // a process that was killed soon enough has not made it
    if (!existsSync(this.#file)) return [];
    const db = new DatabaseSync(this.#file, { readOnly: true });
    try {
      if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'events'").get() === undefined) return [];
      const rows = db.prepare('SELECT seq, id, body FROM events WHERE seq > ? ORDER BY seq').all(this.#lastSeq);
      const found = rows.map(({ seq, id, body }) => ({ seq: Number(seq), id: String(id), body: String(body) }));
      this.#lastSeq = found.at(-1)?.seq ?? this.#lastSeq;
      return found;
    } finally {
      db.close();
      // the server needs none, and would not have left one
      rmSync(`${this.#file}-shm`, { force: true });
    }
  }
}
