/** The statements of the outbox's database. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';

/** An event that `after` names and that is still waited for. */
const GATE = '(SELECT g.seq FROM events g WHERE g.seq = e.after AND g.state = 0 AND g.released = 0) AS gate';

/** Events numbered between two others, both left out; oldest or newest first. */
const UP = 'seq > ? AND seq < ? ORDER BY seq LIMIT ?';
const DOWN = 'seq > ? AND seq < ? ORDER BY seq DESC LIMIT ?';
const ROWS = 'SELECT seq, state, unix_ms, settled_ms FROM events WHERE';
const ROWS_OF_STREAM = 'SELECT seq, state FROM events WHERE stream_name = ? AND';
const ROWS_FAILED = 'SELECT seq, state FROM events INDEXED BY events_failed WHERE state > 1 AND state = ? AND';
const ROWS_WAITING = 'SELECT seq, state FROM events INDEXED BY events_waiting WHERE state = 0 AND receiver = ? AND';

const STATEMENTS = {
  meta: 'SELECT value FROM meta WHERE name = ?',
  setMeta: 'INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
  receivers: 'SELECT origin, waiting, delivered, refused, expired FROM receivers',
  counters: 'SELECT prefix, last FROM counters',
  sessions: 'SELECT facts, read_bytes, wrote_bytes FROM sessions ORDER BY place',
  records: 'SELECT facts FROM records ORDER BY place',

  receiver: 'SELECT id FROM receivers WHERE origin = ?',
  addReceiver: 'INSERT INTO receivers (origin) VALUES (?) RETURNING id',
  tally: `UPDATE receivers SET waiting = waiting + ?, delivered = delivered + ?, refused = refused + ?,
    expired = expired + ? WHERE id = ?`,
  append: `INSERT INTO events (seq, id, event, url, receiver, lane, after, body, stream_name, stream_seq, session_id,
    reason, unix_ms, attempts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  settle: `UPDATE events SET state = ?, attempts = ?, settled_ms = ?, status = ?, error = ?
    WHERE seq = ? AND state = 0 RETURNING receiver`,
  retry: 'UPDATE events SET attempts = ?, due_ms = ? WHERE seq = ? AND state = 0',
  attempt: 'INSERT OR REPLACE INTO attempts (seq, slot, n, unix_ms, status, error) VALUES (?, ?, ?, ?, ?, ?)',
  release: 'UPDATE events SET released = 1 WHERE seq = ?',
  raiseCounter: `INSERT INTO counters (prefix, last) VALUES (?, ?)
    ON CONFLICT DO UPDATE SET last = max(last, excluded.last)`,
  setCounter: 'INSERT INTO counters (prefix, last) VALUES (?, ?) ON CONFLICT DO UPDATE SET last = excluded.last',
  stream: 'SELECT last FROM streams WHERE name = ?',
  setStream: 'INSERT INTO streams (name, last) VALUES (?, ?) ON CONFLICT DO UPDATE SET last = excluded.last',
  openSession: `INSERT INTO sessions (id, facts, read_bytes, wrote_bytes) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  closeSession: 'DELETE FROM sessions WHERE id = ?',
  openRecord: 'INSERT INTO records (id, facts) VALUES (?, ?) ON CONFLICT DO NOTHING',
  closeRecord: 'DELETE FROM records WHERE id = ?',
  count: 'UPDATE sessions SET read_bytes = ?, wrote_bytes = ? WHERE id = ?',

  load: `SELECT e.*, ${GATE} FROM events e INDEXED BY events_of_lane
    WHERE e.state = 0 AND e.receiver = ? AND e.lane = ? AND e.seq >= ? ORDER BY e.seq LIMIT ?`,
  scan: `SELECT seq, lane FROM events INDEXED BY events_waiting
    WHERE state = 0 AND receiver = ? AND seq >= ? ORDER BY seq LIMIT ?`,
  oldest: `SELECT unix_ms FROM events INDEXED BY events_waiting
    WHERE state = 0 AND receiver = ? ORDER BY seq LIMIT 1`,

  event: 'SELECT e.*, r.origin FROM events e JOIN receivers r ON r.id = e.receiver WHERE e.seq = ?',
  attempts: 'SELECT unix_ms, status, error FROM attempts WHERE seq = ? ORDER BY n',
  rows: `${ROWS} ${UP}`,
  rowsDown: `${ROWS} ${DOWN}`,
  rowsOfStream: `${ROWS_OF_STREAM} ${UP}`,
  rowsOfStreamDown: `${ROWS_OF_STREAM} ${DOWN}`,
  rowsFailed: `${ROWS_FAILED} ${UP}`,
  rowsFailedDown: `${ROWS_FAILED} ${DOWN}`,
  rowsWaiting: `${ROWS_WAITING} ${UP}`,
  rowsWaitingDown: `${ROWS_WAITING} ${DOWN}`,
  receiverIds: 'SELECT id FROM receivers',

  replay: `UPDATE events SET state = 0, lane = ? || lane, after = NULL, due_ms = 0, settled_ms = NULL, status = NULL,
    error = NULL WHERE seq = ?`,
  replayed: `SELECT r.origin, COUNT(*) AS count, MIN(e.seq) AS first
    FROM events e INDEXED BY events_waiting JOIN receivers r ON r.id = e.receiver
    WHERE e.state = 0 AND e.seq > ? AND e.lane GLOB ? GROUP BY r.id`,
  remove: 'DELETE FROM events WHERE seq = ?',
  removeAttempts: 'DELETE FROM attempts WHERE seq = ?',
} as const;

export type Statements = Readonly<Record<keyof typeof STATEMENTS, StatementSync>>;

export function prepare(db: DatabaseSync): Statements {
  return Object.fromEntries(Object.entries(STATEMENTS).map(([name, sql]) => [name, db.prepare(sql)])) as Statements;
}
