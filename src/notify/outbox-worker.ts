/** The database's thread: answers the server's requests one after the other, so that only this thread waits for the disk. */
import { parentPort } from 'node:worker_threads';
import { Database } from './database.ts';
import { failureOf, fileIdentity, limitPages, openDatabase, writeAnew } from './database-file.ts';
import { findRemovable, findReplayed, page } from './database-search.ts';
import type { Failure, Replies, Request } from './outbox-messages.ts';

/** Settled events that are removed before their time where the disk is full, at once; and in how many steps. */
const ROOM_EVENTS = 1000;
const ROOM_STEPS = 200;

let database: Database | null = null;
/** The file that the database is in, to be found at its path at each commit. */
let file: { readonly path: string; readonly identity: number } | null = null;
/** The file is damaged, and set aside once it is opened again. */
let isDamaged = false;

class FileGoneError extends Error {}

parentPort?.on('message', ({ id, request }: { id: number; request: Request }) => {
  try {
    parentPort?.postMessage({ id, reply: { ok: true, value: answer(request) } });
  } catch (error) {
    parentPort?.postMessage({ id, reply: { ok: false, failure: failed(error) } });
  }
});

function answer(request: Request): Replies[keyof Replies] {
  switch (request.kind) {
    case 'open': {
      if (database !== null && !isInPlace()) {
        writeAnew(database.db, request.path);
        close();
      }
      if (database !== null) {
        if (request.maxPages !== null) limitPages(database.db, request.maxPages);
        return { ...database.contents(), damagedAs: null };
      }
      return openAndRead(request);
    }
    case 'commit':
      if (!isInPlace()) throw new FileGoneError('somebody has removed the file; what it held is written anew');
      return opened().commit(request.ops, request.sessions);
    case 'load':
      return opened().load(request);
    case 'scan':
      return opened().scan(request);
    case 'page':
      return page(opened().statements, request.filter);
    case 'oldest':
      return opened().oldest(request.receivers);
    case 'begin replay':
      return { run: opened().nextReplay() };
    case 'replay': {
      const { seqs, next } = findReplayed(opened().statements, request.filter, request.since);
      const earlier = request.isAgain ? opened().replayed(request.run, request.since) : [];
      return { replayed: [...earlier, ...opened().replay(seqs, request.run)], next };
    }
    case 'prune': {
      const { seqs, next } = findRemovable(opened().statements, request.settledBeforeMs, request.since);
      opened().remove(seqs);
      return { removed: seqs.length, next };
    }
    case 'close':
      close();
      return {};
  }
}

/** Damage may show only when the file is read: then it is set aside too, once. */
function openAndRead(request: Request<'open'>): Replies['open'] {
  const { db, damagedAs } = openDatabase(request.path, request.maxPages, isDamaged);
  try {
    const found = new Database(db);
    const contents = found.contents();
    database = found;
    file = { path: request.path, identity: fileIdentity(request.path) };
    isDamaged = false;
    return { ...contents, damagedAs };
  } catch (error) {
    // a handle that nobody holds would lock the file for good
    db.close();
    if (failureOf(error).code !== 'damaged' || damagedAs !== null) throw error;
    isDamaged = true;
    return openAndRead(request);
  }
}

/** A file that was removed while it is open takes everything, and has lost it when it is closed. */
function isInPlace(): boolean {
  try {
    return file === null || fileIdentity(file.path) === file.identity;
  } catch {
    return false;
  }
}

function opened(): Database {
  if (database === null) throw new Error('the database is not open');
  return database;
}

function close(): void {
  database?.close();
  database = null;
  file = null;
}

/** Where the disk is full, or the file gone, the database stays open, for what can still be read; otherwise it is to be opened anew. */
function failed(error: unknown): Failure {
  const failure = failureOf(error);
  if (error instanceof FileGoneError) return failure;
  try {
    if (failure.code === 'full') {
      makeRoom();
    } else {
      isDamaged ||= failure.code === 'damaged';
      close();
    }
  } catch {
    // It failed before: `failure` says how.
  }
  return failure;
}

/** New events matter more than delivered ones. */
function makeRoom(): void {
  const seqs: number[] = [];
  let since: number | null = 0;
  for (let step = 0; step < ROOM_STEPS && since !== null && seqs.length < ROOM_EVENTS; step++) {
    const found: { readonly seqs: readonly number[]; readonly next: number | null } = findRemovable(
      opened().statements,
      Infinity,
      since,
    );
    seqs.push(...found.seqs);
    since = found.next;
  }
  opened().remove(seqs);
}
