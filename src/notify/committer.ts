/** Brings changes into the database in groups, one commit at a time, and gets over its failures by itself. */
import type { Journal } from './journal.ts';
import type { Keeping, SessionBytes, WaitingEvent } from './outbox.ts';
import type { Failure, Kind, Op, Opened, Reply, Request } from './outbox-messages.ts';
import type { Timers } from './timers.ts';
import { WorkerLink } from './worker-link.ts';

/** Changes of one commit. */
const MAX_GROUP = 500;
/** With fewer than this the next commit waits a little for more. */
const FULL_GROUP = 100;
const GATHER_MS = 2;
const FIRST_REOPEN_MS = 1000;
const MAX_REOPEN_MS = 15_000;
/** How long the end waits for a disk that does not answer. */
const CLOSE_TIMEOUT_MS = 5000;

export interface CommitterOptions {
  readonly path: string;
  /** The size that the file may have, in pages of 4096 bytes; null: any. Asked for at each opening. */
  readonly maxPages: () => number | null;
  readonly timers: Timers;
  readonly journal: Journal;
}

export interface CommitterEvents {
  /** The database is open. `isFirst`: for the first time in this process. */
  opened(opened: Opened, isFirst: boolean): void;
  /** It can be read. What is asked for now comes after what is committed: reads that fail must not keep that from the disk. */
  readable(): void;
  /** These events have their numbers, and can be found in the database. */
  committed(events: readonly WaitingEvent[]): void;
  /** Changes are kept in memory for now; said again at each try that fails. */
  failed(failure: Failure): void;
  /** Changes are committed again. */
  recovered(): void;
}

export class Committer {
  readonly #options: CommitterOptions;
  readonly #events: CommitterEvents;
  readonly #journal: Journal;
  readonly #counts = new Map<string, SessionBytes>();
  readonly #onCommitted = new Map<Op, () => void>();
  #link = this.#newLink();
  #keeping: Keeping = { in: 'memory', why: 'the database is not open yet' };
  #wasOpened = false;
  /** The thread has the file open, as far as is known. */
  #isReadable = false;
  #mayCommit = false;
  #committing = false;
  #cancelFlush: (() => void) | null = null;
  #cancelReopen: (() => void) | null = null;
  #reopenMs = FIRST_REOPEN_MS;
  #onIdle: (() => void)[] = [];
  #closed = false;

  constructor(options: CommitterOptions, events: CommitterEvents) {
    this.#options = options;
    this.#events = events;
    this.#journal = options.journal;
  }

  get keeping(): Keeping {
    return this.#keeping;
  }

  get isReadable(): boolean {
    return this.#isReadable;
  }

  /** Rejects where another process has the file, or a later version made it; goes on from memory where it cannot be opened. */
  open(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#askToOpen((reply) => {
        if (reply.ok) {
          this.#keeping = { in: 'database' };
          this.#opened(reply.value);
          this.#events.readable();
        } else if (reply.failure.code === 'locked' || reply.failure.code === 'newer') {
          const isLocked = reply.failure.code === 'locked';
          const why = isLocked ? 'another process has it open; each server needs an outbox of its own' : '';
          this.#closed = true;
          void this.#link.terminate();
          reject(new Error(`outbox ${this.#options.path}: ${isLocked ? why : reply.failure.message}`));
          return;
        } else {
          this.#failed(reply.failure);
        }
        resolve();
      });
    });
  }

  push(op: Op, onCommitted?: () => void): void {
    if (this.#closed) return;
    this.#journal.push(op);
    if (onCommitted !== undefined) this.#onCommitted.set(op, onCommitted);
    this.#flushSoon();
  }

  /** The newest byte sums of open sessions. */
  count(sessions: readonly SessionBytes[]): void {
    if (this.#closed) return;
    for (const session of sessions) this.#counts.set(session.sessionId, session);
    if (sessions.length > 0) this.#flushSoon();
  }

  /** The session is over: its byte sums are in its stop. */
  uncount(sessionId: string): void {
    this.#counts.delete(sessionId);
  }

  /** Calls back once; a failure is looked after here. */
  ask<K extends Kind>(request: Request<K>, onReply: (reply: Reply<K>) => void): void {
    this.#link.ask<K>(request, (reply) => {
      onReply(reply);
      if (!reply.ok) this.#failed(reply.failure);
    });
  }

  /** Resolves once all changes are committed, or cannot be for now. */
  idle(): Promise<void> {
    if (!this.#mayCommit || this.#isDone) return Promise.resolve();
    return new Promise((resolve) => void this.#onIdle.push(resolve));
  }

  /** Commits what there is, if that can be done at all, and closes the file. */
  async close(): Promise<void> {
    if (this.#closed) return;
    let cancel = (): void => {};
    const late = new Promise<void>((resolve) => {
      cancel = this.#options.timers.after(CLOSE_TIMEOUT_MS, resolve);
    });
    const closed = this.#lastTry()
      .then(() => this.idle())
      .then(() => new Promise<void>((resolve) => this.#link.ask<'close'>({ kind: 'close' }, () => resolve())));
    await Promise.race([closed, late]);
    cancel();
    this.#closed = true;
    this.#cancelFlush?.();
    this.#cancelReopen?.();
    await this.#link.terminate();
  }

  /** Where the database cannot be used: once more, without waiting for the time to do so. */
  #lastTry(): Promise<void> {
    if (this.#mayCommit) return Promise.resolve();
    this.#cancelReopen?.();
    return new Promise((resolve) => {
      this.#reopen(resolve);
    });
  }

  get #isDone(): boolean {
    return this.#journal.length === 0 && this.#counts.size === 0 && !this.#committing;
  }

  #flushSoon(): void {
    if (this.#cancelFlush !== null || this.#committing || !this.#mayCommit) return;
    const flush = (): void => {
      this.#cancelFlush = null;
      this.#flush();
    };
    const immediate = setImmediate(flush);
    this.#cancelFlush = () => clearImmediate(immediate);
  }

  #flushNext(): void {
    if (this.#journal.length >= FULL_GROUP) {
      this.#flush();
      return;
    }
    if (this.#journal.length === 0 && this.#counts.size === 0) return;
    const timer = setTimeout(() => {
      this.#cancelFlush = null;
      this.#flush();
    }, GATHER_MS);
    this.#cancelFlush = () => clearTimeout(timer);
  }

  #flush(): void {
    if (this.#committing || !this.#mayCommit || this.#closed) return;
    const ops = this.#journal.first(MAX_GROUP);
    // Byte sums come after all else, so that each session they are of is known.
    const sessions = ops.length === this.#journal.length ? [...this.#counts.values()].slice(0, MAX_GROUP) : [];
    for (const { sessionId } of sessions) this.#counts.delete(sessionId);
    this.#committing = true;
    this.#link.ask<'commit'>({ kind: 'commit', ops, sessions }, (reply) => {
      this.#committing = false;
      if (reply.ok) {
        this.#journal.drop(ops.length);
        this.#committed(ops, reply.value.streamSeqs);
        this.#flushNext();
        if (this.#isDone) this.#tellIdle();
        return;
      }
      for (const session of sessions) {
        if (!this.#counts.has(session.sessionId)) this.#counts.set(session.sessionId, session);
      }
      this.#failed(reply.failure);
    });
  }

  #committed(ops: readonly Op[], streamSeqs: readonly (number | null)[]): void {
    const events: WaitingEvent[] = [];
    for (const op of ops) {
      if (op.kind === 'append') {
        // The one place where an event is changed: it learns its number, and whoever holds it with it.
        const numbered: { streamSeq: number | null } = op.event;
        numbered.streamSeq = streamSeqs[events.length] ?? op.event.streamSeq;
        events.push(op.event);
      } else if (op.kind === 'reserve') {
        this.#onCommitted.get(op)?.();
        this.#onCommitted.delete(op);
      }
    }
    this.#events.committed(events);
    if (this.#keeping.in === 'database') return;
    this.#keeping = { in: 'database' };
    this.#reopenMs = FIRST_REOPEN_MS;
    this.#events.recovered();
  }

  #failed(failure: Failure): void {
    if (this.#closed) return;
    this.#mayCommit = false;
    this.#isReadable = failure.code === 'full';
    this.#keeping = { in: 'memory', why: failure.message };
    this.#events.failed(failure);
    this.#tellIdle();
    if (this.#cancelReopen !== null) return;
    this.#cancelReopen = this.#options.timers.after(this.#reopenMs, () => this.#reopen(() => {}));
    this.#reopenMs = Math.min(MAX_REOPEN_MS, this.#reopenMs * 2);
  }

  #reopen(onTried: () => void): void {
    this.#cancelReopen = null;
    if (this.#closed) return;
    if (this.#link.isDead) this.#link = this.#newLink();
    this.#askToOpen((reply) => {
      if (reply.ok) {
        this.#opened(reply.value);
        // Even where nothing waits: only a commit shows that the disk takes something again.
        this.#flush();
        this.#events.readable();
      } else {
        this.#failed(reply.failure);
      }
      onTried();
    });
  }

  #newLink(): WorkerLink {
    return new WorkerLink((failure) => this.#failed(failure));
  }

  #askToOpen(onReply: (reply: Reply<'open'>) => void): void {
    const { path, maxPages } = this.#options;
    this.#link.ask<'open'>({ kind: 'open', path, maxPages: maxPages() }, onReply);
  }

  #opened(opened: Opened): void {
    const isFirst = !this.#wasOpened;
    this.#wasOpened = true;
    this.#isReadable = true;
    this.#mayCommit = true;
    this.#events.opened(opened, isFirst);
    this.#flushSoon();
  }

  #tellIdle(): void {
    for (const onIdle of this.#onIdle.splice(0)) onIdle();
  }
}
