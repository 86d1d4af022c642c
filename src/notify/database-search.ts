/** Finds the events that someone asks for, that are to be replayed or removed: each call one bounded step. */
import type { SQLOutputValue } from 'node:sqlite';
import { eventOf, numberOrNull, stateOf, textOrNull } from './database.ts';
import type { Statements } from './database-sql.ts';
import type { EventFilter, KeptEvent, ReplayFilter } from './outbox.ts';
import { type Replies, STATES } from './outbox-messages.ts';

/** Rows that a step looks at. */
const STEP_ROWS = 2000;
/** Beyond every number. */
const NO_BOUND = Number.MAX_SAFE_INTEGER;
/** Events that a step changes. */
const STEP_CHANGES = 500;

interface Found {
  readonly seqs: readonly number[];
  /** Where the next step begins; null: this was the last. */
  readonly next: number | null;
}
type Row = Record<string, SQLOutputValue>;

export function page(sql: Statements, filter: EventFilter): Replies['page'] {
  const { seqs, next } = find(sql, filter);
  return { events: seqs.map((seq) => keptEvent(sql, seq)).filter((event) => event !== null), next };
}

/** Settled events above `since` that are meant. */
export function findReplayed(sql: Statements, filter: ReplayFilter, since: number): Found {
  if ('ids' in filter)
    return { seqs: filter.ids.map((id) => seqOf(sql, id)).filter((seq) => seq !== null), next: null };
  if ('state' in filter) return find(sql, { since, streamName: null, state: filter.state, limit: STEP_CHANGES });
  const from = Math.max(since, filter.from - 1);
  const rows = sql.rows.all(from, NO_BOUND, STEP_CHANGES);
  const seqs = rows.map((row) => Number(row['seq'])).filter((seq) => seq <= filter.to);
  return { seqs, next: seqs.length < STEP_CHANGES ? null : (seqs.at(-1) ?? null) };
}

/** Events above `since` that were settled before; numbers rise with time, so the search ends at those recorded later. */
export function findRemovable(sql: Statements, settledBeforeMs: number, since: number): Found {
  const rows = sql.rows.all(since, NO_BOUND, STEP_CHANGES);
  const isRecent = (row: Row): boolean => Number(row['unix_ms']) >= settledBeforeMs;
  const isOver = (row: Row): boolean => row['state'] !== STATES.waiting && Number(row['settled_ms']) < settledBeforeMs;
  const last = rows.at(-1);
  const goesOn = rows.length === STEP_CHANGES && last !== undefined && !isRecent(last);
  return { seqs: seqsOf(rows.filter(isOver)), next: goesOn ? Number(last['seq']) : null };
}

/** `next` is the cursor in the filter's direction: its next `since`, or its next `before`. */
function find(
  sql: Statements,
  { since, before = NO_BOUND, isNewestFirst = false, streamName, state, limit }: EventFilter,
): Found {
  if (streamName === null && state === 'waiting') {
    const waiting = isNewestFirst ? sql.rowsWaitingDown : sql.rowsWaiting;
    const rows = sql.receiverIds.all().flatMap((row) => waiting.all(row['id'] ?? null, since, before, limit));
    return bounded(
      seqsOf(rows).sort((a, b) => (isNewestFirst ? b - a : a - b)),
      limit,
    );
  }
  if (streamName === null && (state === 'refused' || state === 'expired')) {
    const failed = isNewestFirst ? sql.rowsFailedDown : sql.rowsFailed;
    return bounded(seqsOf(failed.all(STATES[state], since, before, limit)), limit);
  }
  const wanted = state === null ? null : STATES[state];
  const ofAll = isNewestFirst ? sql.rowsDown : sql.rows;
  const ofStream = isNewestFirst ? sql.rowsOfStreamDown : sql.rowsOfStream;
  const rows =
    streamName === null
      ? ofAll.iterate(since, before, STEP_ROWS)
      : ofStream.iterate(streamName, since, before, STEP_ROWS);
  const seqs: number[] = [];
  let looked = 0;
  let last: number | null = null;
  for (const row of rows) {
    looked++;
    last = Number(row['seq']);
    if (wanted === null || row['state'] === wanted) seqs.push(last);
    if (seqs.length === limit) break;
  }
  return { seqs, next: looked === STEP_ROWS || seqs.length === limit ? last : null };
}

function bounded(seqs: readonly number[], limit: number): Found {
  const some = seqs.slice(0, limit);
  return { seqs: some, next: some.length < limit ? null : (some.at(-1) ?? null) };
}

function seqsOf(rows: readonly Row[]): number[] {
  return rows.map((row) => Number(row['seq']));
}

/** An id ends in its event's number. */
function seqOf(sql: Statements, id: string): number | null {
  const seq = Number(id.slice(id.lastIndexOf('-') + 1));
  return Number.isSafeInteger(seq) && sql.event.get(seq)?.['id'] === id ? seq : null;
}

function keptEvent(sql: Statements, seq: number): KeptEvent | null {
  const row = sql.event.get(seq);
  if (row === undefined) return null;
  const tries = sql.attempts.all(seq);
  if (row['state'] !== STATES.waiting) {
    tries.push({ unix_ms: row['settled_ms'] ?? null, status: row['status'] ?? null, error: row['error'] ?? null });
  }
  return {
    ...eventOf(row, String(row['origin'])),
    state: stateOf(row),
    tries: tries.map((one) => ({
      unixMs: Number(one['unix_ms']),
      status: numberOrNull(one['status']),
      error: textOrNull(one['error']),
    })),
  };
}
