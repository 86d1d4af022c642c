/** The outbox's database: commits changes in groups, and finds the events that are to be delivered. Runs in a thread of its own. */
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import { prepare, type Statements } from './database-sql.ts';
import type { NotifyEvent } from './options.ts';
import type { OpenChange, SessionBytes, WaitingEvent } from './outbox.ts';
import { type Op, type Opened, type Replies, type Requests, STATES } from './outbox-messages.ts';

/** Tries that are kept of an event, besides the last. */
const MAX_ATTEMPTS = 50;
/** Rows that one step of a search looks at, so that commits are not kept waiting: some 10 ms. */
const SCAN_ROWS = 10_000;
/** Streams whose last number is known without looking. */
const MAX_CACHED_STREAMS = 50_000;
const UNKNOWN_RECEIVER = 0;

type Row = Record<string, SQLOutputValue>;

const NAMES_OF_STATES: readonly (keyof typeof STATES)[] = ['waiting', 'delivered', 'refused', 'expired'];

export class Database {
  readonly db: DatabaseSync;
  readonly statements: Statements;
  /** Numbers of rows and of streams' last events; emptied when a commit fails, since they may run ahead of it. */
  readonly #receiverIds = new Map<string, number>();
  readonly #streamSeqs = new Map<string, number>();
  #lastSeq: number;

  constructor(db: DatabaseSync) {
    this.db = db;
    this.statements = prepare(db);
    this.#lastSeq = this.#meta('last_seq');
  }

  /** What the server must know to go on where the last one ended. */
  contents(): Omit<Opened, 'damagedAs'> {
    const sql = this.statements;
    return {
      lastSeq: this.#lastSeq,
      receivers: sql.receivers.all().map((row) => ({
        receiver: String(row['origin']),
        waiting: Number(row['waiting']),
        delivered: Number(row['delivered']),
        refused: Number(row['refused']),
        expired: Number(row['expired']),
      })),
      counters: sql.counters.all().map((row) => [String(row['prefix']), Number(row['last'])] as const),
      sessions: sql.sessions.all().map((row) => ({
        ...JSON.parse(String(row['facts'])),
        readBytesSum: Number(row['read_bytes']),
        wroteBytesSum: Number(row['wrote_bytes']),
      })),
      records: sql.records.all().map((row) => JSON.parse(String(row['facts']))),
    };
  }

  commit(ops: readonly Op[], sessions: readonly SessionBytes[]): Replies['commit'] {
    return this.#transaction(() => {
      const streamSeqs: (number | null)[] = [];
      const tally = new Map<number, number[]>();
      const streams = new Set<string>();
      for (const op of ops) {
        if (op.kind === 'append') streamSeqs.push(this.#append(op.event, op.change, tally, streams));
        else this.#apply(op, tally, streams);
      }
      for (const { sessionId, readBytesSum, wroteBytesSum } of sessions) {
        this.statements.count.run(readBytesSum, wroteBytesSum, sessionId);
      }
      for (const name of streams) this.statements.setStream.run(name, this.#streamSeqs.get(name) ?? 0);
      for (const [id, [waiting = 0, delivered = 0, refused = 0, expired = 0]] of tally) {
        this.statements.tally.run(waiting, delivered, refused, expired, id);
      }
      this.statements.setMeta.run('last_seq', this.#lastSeq);
      if (this.#streamSeqs.size > MAX_CACHED_STREAMS) this.#streamSeqs.clear();
      return { streamSeqs };
    });
  }

  load({ receiver, lane, from, limit }: Requests['load']): Replies['load'] {
    const rows = this.statements.load.all(this.#receiverId(receiver), lane, from, limit);
    const found = rows.map((row) => ({
      event: { ...eventOf(row, receiver), after: numberOrNull(row['gate']) },
      dueUnixMs: Number(row['due_ms']),
    }));
    return { found, isAll: found.length < limit };
  }

  scan({ receiver, from }: Requests['scan']): Replies['scan'] {
    const firsts = new Map<string, number>();
    let rows = 0;
    let last = from;
    for (const row of this.statements.scan.iterate(this.#receiverId(receiver), from, SCAN_ROWS)) {
      rows++;
      last = Number(row['seq']);
      const lane = String(row['lane']);
      if (!firsts.has(lane)) firsts.set(lane, last);
    }
    return { found: [...firsts], next: rows === SCAN_ROWS ? last + 1 : null };
  }

  oldest(receivers: readonly string[]): Replies['oldest'] {
    return {
      unixMs: receivers.map((receiver) =>
        numberOrNull(this.statements.oldest.get(this.#receiverId(receiver))?.['unix_ms']),
      ),
    };
  }

  /** The number of a call for replay. */
  nextReplay(): number {
    return this.#transaction(() => {
      const run = this.#meta('replays') + 1;
      this.statements.setMeta.run('replays', run);
      return run;
    });
  }

  /** Makes the settled ones among the events wait again, in lanes of their own so that they stay in order. */
  replay(seqs: readonly number[], run: number): Replies['replay']['replayed'] {
    return this.#transaction(() => {
      const replayed = new Map<number, { receiver: string; count: number; from: number }>();
      for (const seq of seqs) {
        const row = this.statements.event.get(seq);
        if (row === undefined || row['state'] === STATES.waiting) continue;
        const receiver = Number(row['receiver']);
        this.#keepAttempt(seq, row);
        this.statements.replay.run(lanesOfReplay(run), seq);
        this.statements.tally.run(1, 0, 0, 0, receiver);
        const known = replayed.get(receiver);
        if (known !== undefined) known.count++;
        else replayed.set(receiver, { receiver: String(row['origin']), count: 1, from: seq });
      }
      return [...replayed.values()];
    });
  }

  /** The events above `since` that this run has made wait. */
  replayed(run: number, since: number): Replies['replay']['replayed'] {
    return this.statements.replayed.all(since, `${lanesOfReplay(run)}*`).map((row) => ({
      receiver: String(row['origin']),
      count: Number(row['count']),
      from: Number(row['first']),
    }));
  }

  remove(seqs: readonly number[]): void {
    this.#transaction(() => {
      for (const seq of seqs) {
        this.statements.removeAttempts.run(seq);
        this.statements.remove.run(seq);
      }
    });
  }

  close(): void {
    this.db.close();
  }

  #append(
    event: WaitingEvent,
    change: OpenChange | null,
    tally: Map<number, number[]>,
    streams: Set<string>,
  ): number | null {
    if (change !== null) this.#change(change);
    if (event.seq <= this.#lastSeq) {
      // It is there already where its commit succeeded but was not answered; what has been removed since was settled.
      const known = this.statements.event.get(event.seq);
      if (known?.['id'] === event.id) return numberOrNull(known['stream_seq']);
      if (known !== undefined) throw new Error(`event ${event.seq} is in the database as ${String(known['id'])}`);
    }
    this.#lastSeq = Math.max(this.#lastSeq, event.seq);
    let receiver = this.#receiverId(event.receiver);
    if (receiver === UNKNOWN_RECEIVER) receiver = Number(this.statements.addReceiver.get(event.receiver)?.['id']);
    const streamSeq = event.streamName === null ? null : this.#streamSeq(event.streamName, event.streamSeq, streams);
    this.statements.append.run(
      event.seq,
      event.id,
      event.event,
      event.url,
      receiver,
      event.lane,
      event.after,
      event.body,
      event.streamName,
      streamSeq,
      event.sessionId,
      event.reason,
      event.unixMs,
      event.attempts,
    );
    add(tally, receiver, STATES.waiting, 1);
    return streamSeq;
  }

  #apply(op: Exclude<Op, { kind: 'append' }>, tally: Map<number, number[]>, streams: Set<string>): void {
    switch (op.kind) {
      case 'change':
        this.#change(op.change);
        return;
      case 'settle': {
        const { seq, state, attempts, atMs, status, error, dueMs } = op;
        if (state === STATES.waiting) {
          this.statements.retry.run(attempts, dueMs, seq);
          this.statements.attempt.run(seq, attempts % MAX_ATTEMPTS, attempts, atMs, status, error);
          return;
        }
        const settled = this.statements.settle.get(state, attempts, atMs, status, error, seq);
        if (settled === undefined) return;
        add(tally, Number(settled['receiver']), STATES.waiting, -1);
        add(tally, Number(settled['receiver']), state, 1);
        return;
      }
      case 'release':
        this.statements.release.run(op.seq);
        return;
      case 'reserve':
        (op.exact ? this.statements.setCounter : this.statements.raiseCounter).run(op.prefix, op.last);
        return;
      case 'number':
        this.#streamSeq(op.streamName, Math.max(op.upTo, this.#lastStreamSeq(op.streamName) + op.more), streams);
    }
  }

  #change(change: OpenChange): void {
    const { id } = change;
    if (change.kind === 'close') {
      (change.of === 'session' ? this.statements.closeSession : this.statements.closeRecord).run(id);
    } else if (change.of === 'session') {
      const { readBytesSum, wroteBytesSum, ...facts } = change.facts;
      this.statements.openSession.run(id, JSON.stringify(facts), readBytesSum, wroteBytesSum);
    } else {
      this.statements.openRecord.run(id, JSON.stringify(change.facts));
    }
  }

  /** The next number of the stream, or `given` where that has been told already. */
  #streamSeq(name: string, given: number | null, streams: Set<string>): number {
    const last = this.#lastStreamSeq(name);
    const next = given ?? last + 1;
    this.#streamSeqs.set(name, Math.max(last, next));
    streams.add(name);
    return next;
  }

  #lastStreamSeq(name: string): number {
    return this.#streamSeqs.get(name) ?? Number(this.statements.stream.get(name)?.['last'] ?? 0);
  }

  #receiverId(origin: string): number {
    let id = this.#receiverIds.get(origin);
    if (id === undefined) {
      id = Number(this.statements.receiver.get(origin)?.['id'] ?? UNKNOWN_RECEIVER);
      if (id !== UNKNOWN_RECEIVER) this.#receiverIds.set(origin, id);
    }
    return id;
  }

  /** A settled event's last try goes to the others, since another one follows. */
  #keepAttempt(seq: number, row: Row): void {
    const n = Number(row['attempts']);
    this.statements.attempt.run(
      seq,
      n % MAX_ATTEMPTS,
      n,
      row['settled_ms'] ?? null,
      row['status'] ?? null,
      row['error'] ?? null,
    );
  }

  #meta(name: string): number {
    return Number(this.statements.meta.get(name)?.['value'] ?? 0);
  }

  #transaction<T>(run: () => T): T {
    this.db.exec('BEGIN IMMEDIATE');
    try {
      const result = run();
      this.db.exec('COMMIT');
      return result;
    } catch (error) {
      this.#receiverIds.clear();
      this.#streamSeqs.clear();
      // Some failures end the transaction by themselves.
      if (this.db.isTransaction) this.db.exec('ROLLBACK');
      this.#lastSeq = this.#meta('last_seq');
      throw error;
    }
  }
}

/** A row of `events` as the event that it tells of; `receiver` is the origin. */
export function eventOf(row: Row, receiver: string): WaitingEvent {
  return {
    seq: Number(row['seq']),
    id: String(row['id']),
    event: String(row['event']) as NotifyEvent,
    url: String(row['url']),
    receiver,
    lane: String(row['lane']),
    after: numberOrNull(row['after']),
    body: String(row['body']),
    streamName: textOrNull(row['stream_name']),
    streamSeq: numberOrNull(row['stream_seq']),
    sessionId: textOrNull(row['session_id']),
    reason: textOrNull(row['reason']) as WaitingEvent['reason'],
    unixMs: Number(row['unix_ms']),
    attempts: Number(row['attempts']),
  };
}

/** How their names begin. */
function lanesOfReplay(run: number): string {
  return `replay ${run} `;
}

export function stateOf(row: Row): keyof typeof STATES {
  return NAMES_OF_STATES[Number(row['state'])] ?? 'waiting';
}

export function numberOrNull(value: SQLOutputValue | undefined): number | null {
  return value === null || value === undefined ? null : Number(value);
}

export function textOrNull(value: SQLOutputValue | undefined): string | null {
  return value === null || value === undefined ? null : String(value);
}

function add(tally: Map<number, number[]>, receiver: number, state: number, count: number): void {
  let counts = tally.get(receiver);
  if (counts === undefined) {
    counts = [0, 0, 0, 0];
    tally.set(receiver, counts);
  }
  counts[state] = (counts[state] ?? 0) + count;
}
