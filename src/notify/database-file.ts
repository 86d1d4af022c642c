/** The outbox's file: opened by one process at a time, made where it is missing, set aside where it is damaged. */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeFolder } from '../host/index.ts';
import type { Failure } from './outbox-messages.ts';

const SCHEMA_VERSION = 2;
/** A process that is just ending holds the file for moments. */
const BUSY_MS = 1000;

/**
 * `state` is one of STATES. A settled event's last try stands in its row; those before it are in `attempts`, the
 * newest of them only. `meta` has `last_seq` and `replays`.
 */
const SCHEMA = `
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE receivers (
  id INTEGER PRIMARY KEY, origin TEXT NOT NULL UNIQUE,
  waiting INTEGER NOT NULL DEFAULT 0, delivered INTEGER NOT NULL DEFAULT 0,
  refused INTEGER NOT NULL DEFAULT 0, expired INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE events (
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL, event TEXT NOT NULL, url TEXT NOT NULL, receiver INTEGER NOT NULL,
  lane TEXT NOT NULL, after INTEGER, body TEXT NOT NULL, stream_name TEXT, stream_seq INTEGER, session_id TEXT,
  reason TEXT, unix_ms INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0, released INTEGER NOT NULL DEFAULT 0,
  attempts INTEGER NOT NULL DEFAULT 0, due_ms INTEGER NOT NULL DEFAULT 0, settled_ms INTEGER, status INTEGER, error TEXT
) STRICT;
CREATE INDEX events_waiting ON events (receiver, seq, lane) WHERE state = 0;
CREATE INDEX events_of_lane ON events (receiver, lane, seq) WHERE state = 0;
CREATE INDEX events_failed ON events (state, seq) WHERE state > 1;
CREATE INDEX events_of_stream ON events (stream_name, seq) WHERE stream_name IS NOT NULL;
CREATE TABLE attempts (
  seq INTEGER NOT NULL, slot INTEGER NOT NULL, n INTEGER NOT NULL, unix_ms INTEGER NOT NULL, status INTEGER, error TEXT,
  PRIMARY KEY (seq, slot)
) WITHOUT ROWID, STRICT;
CREATE TABLE streams (name TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID, STRICT;
CREATE TABLE sessions (
  place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, facts TEXT NOT NULL,
  read_bytes INTEGER NOT NULL, wrote_bytes INTEGER NOT NULL
) STRICT;
CREATE TABLE counters (prefix TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID, STRICT;
`;
/** Since version 2. */
const RECORDS =
  'CREATE TABLE records (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, facts TEXT NOT NULL) STRICT;';

/** SQLite's primary result codes (sqlite.org/rescode.html). */
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;

class NewerDatabaseError extends Error {}

export interface OpenedFile {
  readonly db: DatabaseSync;
  /** The name under which a damaged file was set aside. */
  readonly damagedAs: string | null;
}

/** Opens the database; one that is damaged, or was found to be, is set aside and a new one begun. Throws what `failureOf` tells. */
export function openDatabase(path: string, maxPages: number | null, isDamaged: boolean): OpenedFile {
  makeFolder(dirname(path));
  if (isDamaged) return { damagedAs: setAside(path), db: open(path, maxPages) };
  try {
    return { db: open(path, maxPages), damagedAs: null };
  } catch (error) {
    if (failureOf(error).code !== 'damaged') throw error;
    return { damagedAs: setAside(path), db: open(path, maxPages) };
  }
}

export function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof NewerDatabaseError) return { code: 'newer', message };
  const extended = error instanceof Error && 'errcode' in error ? Number(error.errcode) : 0;
  switch (extended & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return { code: 'locked', message };
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return { code: 'damaged', message };
    case SQLITE_FULL:
      return { code: 'full', message };
    default:
      return { code: 'failed', message: extended === 0 ? message : `${message} (SQLite ${extended})` };
  }
}

function open(path: string, maxPages: number | null): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    // Exclusive from the first access: a second process is turned away, and the index of the log needs no shared file.
    db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    db.exec('PRAGMA cache_size = -16000; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 67108864;');
    if (maxPages !== null) limitPages(db, maxPages);
    db.exec('BEGIN EXCLUSIVE');
    const version = Number(db.prepare('PRAGMA user_version').get()?.['user_version']);
    if (version > SCHEMA_VERSION) {
      throw new NewerDatabaseError(
        `made by a later version of Millrace (${version}, this one knows ${SCHEMA_VERSION})`,
      );
    }
    if (version === 0) db.exec(SCHEMA);
    if (version < 2) db.exec(`${RECORDS} PRAGMA user_version = ${SCHEMA_VERSION};`);
    db.exec('COMMIT');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

export function limitPages(db: DatabaseSync, maxPages: number): void {
  db.exec(`PRAGMA max_page_count = ${Math.trunc(maxPages)}`);
}

/** Tells one file from another that took its place. Throws where there is none. */
export function fileIdentity(path: string): number {
  return statSync(path).ino;
}

/** Writes all that the database holds to `path`, where its own file is no more; whole and on the disk when this returns. */
export function writeAnew(db: DatabaseSync, path: string): void {
  makeFolder(dirname(path));
  const copy = `${path}.new`;
  rmSync(copy, { force: true });
  db.prepare('VACUUM INTO ?').run(copy);
  const file = openSync(copy, 'r+');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  for (const suffix of ['-wal', '-shm']) rmSync(path + suffix, { force: true });
  renameSync(copy, path);
}

/** Renames the file and what belongs to it; `-wal` goes with it, so that the two can still be read together. */
function setAside(path: string): string {
  const at = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14);
  let name = `${path}.damaged-${at}`;
  for (let n = 2; existsSync(name); n++) name = `${path}.damaged-${at}-${n}`;
  for (const suffix of ['-wal', '-shm', '']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, name + suffix);
  }
  return name;
}
