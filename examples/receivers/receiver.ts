/**
 * A receiver of callbacks: verifies each, keeps it once, answers, and works afterwards, in order; catches up at its start.
 * Node.js 24 or newer, no packages: WEBHOOK_SECRET=whsec_… node receiver.ts --port 10101 --api http://127.0.0.1:8083
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';

/** Larger bodies are refused. Bytes. */
const MAX_BODY = 16 * 1024 * 1024;
/** How far the clocks may differ; what is older may have been recorded and sent again by somebody. Seconds. */
const TOLERANCE = 300;
/** How often it is looked whether something was missed. Milliseconds. */
const CATCH_UP_EVERY = 60_000;

interface Event {
  readonly id: string;
  /** Rises over all events of one server. */
  readonly seq: number;
  readonly event: string;
  /** Why the session ended, on stops; from the header, so it is not there where an event was caught up with. */
  readonly reason: string | null;
  readonly body: string;
}

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '10101' },
    data: { type: 'string', default: 'receiver.db' },
    api: { type: 'string', default: '' },
  },
});
const { WEBHOOK_SECRET = '', API_TOKEN = '' } = process.env;
const key = Buffer.from(WEBHOOK_SECRET.replace(/^whsec_/, ''), 'base64');
if (key.length === 0) throw new Error('WEBHOOK_SECRET is not set');

const database = new DatabaseSync(options.data);
database.exec(`
  PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS events (
    n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, seq INTEGER NOT NULL, event TEXT NOT NULL,
    reason TEXT, body TEXT NOT NULL, done INTEGER NOT NULL DEFAULT 0);
  CREATE INDEX IF NOT EXISTS events_to_do ON events (n) WHERE done = 0;
  CREATE TABLE IF NOT EXISTS bills (
    server_id TEXT, session_id TEXT, stream TEXT, bytes INTEGER, PRIMARY KEY (server_id, session_id));
  CREATE TABLE IF NOT EXISTS mark (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), seq INTEGER NOT NULL);
`);
const insert = database.prepare(
  'INSERT INTO events (id, seq, event, reason, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
);
const nextToDo = database.prepare('SELECT * FROM events WHERE done = 0 ORDER BY n LIMIT 1');
const setDone = database.prepare('UPDATE events SET done = 1 WHERE n = ?');
const bill = database.prepare('INSERT INTO bills VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING');
const getMark = database.prepare('SELECT seq FROM mark');
const setMark = database.prepare('INSERT OR REPLACE INTO mark VALUES (1, ?)');

/** What your business does. Runs once for each event, in the order of its stream, and is committed with what it changes. */
function handle({ seq, event, reason, body }: Event): void {
  const { server_id, session_id = '', stream_name = '', wrote_bytes_sum } = JSON.parse(body);
  let line = `${seq} ${event} ${stream_name} ${session_id}`;
  if (event === 'on_sub_stop') {
    bill.run(server_id, session_id, stream_name, wrote_bytes_sum);
    line += `, ${wrote_bytes_sum} bytes sent, ${reason ?? 'reason not known'}`;
  }
  console.log(line);
}

/** Standard Webhooks: HMAC-SHA256 of ID.TIMESTAMP.BODY; one of the header's signatures must be ours. */
function isGenuine(headers: IncomingHttpHeaders, body: Buffer): boolean {
  const id = String(headers['webhook-id']);
  const timestamp = String(headers['webhook-timestamp']);
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= TOLERANCE)) return false;
  const ours = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
  return String(headers['webhook-signature'])
    .split(' ')
    .filter((each) => each.startsWith('v1,'))
    .map((each) => Buffer.from(each.slice(3), 'base64'))
    .some((theirs) => theirs.length === ours.length && timingSafeEqual(theirs, ours));
}

/** The answer's status: 2xx is taken, 5xx comes again, anything else is refused for good. */
async function take(request: IncomingMessage): Promise<number> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= MAX_BODY) chunks.push(chunk);
  }
  if (length > MAX_BODY) return 413;
  const body = Buffer.concat(chunks);
  const { headers } = request;
  if (!isGenuine(headers, body)) return 401;
  const seq = headers['millrace-seq'];
  // on_update is a snapshot: it has no number, is never sent again, and is not worth keeping
  if (seq === undefined) return 204;
  const event = request.url?.split('/').at(-1) ?? '';
  const reason = headers['millrace-reason']?.toString() ?? null;
  keep({ id: String(headers['webhook-id']), seq: Number(seq), event, reason, body: body.toString() });
  return 204;
}

/** False: it was here already. It is on the disk when this returns. */
function keep({ id, seq, event, reason, body }: Event): boolean {
  return insert.run(id, seq, event, reason, body).changes > 0;
}

/** Does what is to be done, oldest first. With slow work: a worker for each stream, never two for one. */
function work(): void {
  for (let row = nextToDo.get(); row !== undefined; row = nextToDo.get()) {
    database.exec('BEGIN');
    try {
      handle(row as unknown as Event);
      setDone.run(row['n'] ?? null);
      database.exec('COMMIT');
    } catch (error) {
      database.exec('ROLLBACK');
      console.error(`event ${row['seq']} waits for another try:`, error);
      return;
    }
  }
}

/** Asks the server for all events since the last time: what came meanwhile, was refused, or was given up. */
async function catchUp(): Promise<void> {
  if (options.api === '') return;
  let mark = Number(getMark.get()?.['seq'] ?? 0);
  let missed = 0;
  for (;;) {
    const response = await fetch(`${options.api}/api/notify/events?limit=1000&since=${mark}`, {
      headers: API_TOKEN === '' ? {} : { authorization: `Bearer ${API_TOKEN}` },
      signal: AbortSignal.timeout(10_000),
    });
    const answer = (await response.json()) as { error_code: number; desp: string; data?: { events: Event[] } };
    if (answer.error_code === 1002 && mark > 0) {
      mark = 0; // the server has begun a new database, whose numbers start again
      continue;
    }
    if (answer.data === undefined) throw new Error(answer.desp);
    for (const event of answer.data.events) if (keep({ ...event, reason: null })) missed++;
    mark = answer.data.events.at(-1)?.seq ?? mark;
    setMark.run(mark);
    if (answer.data.events.length === 0) break;
  }
  console.log(`caught up with ${missed} events`);
}

async function catchUpAndWork(): Promise<void> {
  await catchUp().catch((error) => console.error(`cannot catch up: ${error}`));
  work();
}

const server = createServer((request, response) => {
  take(request)
    .catch((error) => {
      console.error(error);
      return 503;
    })
    .then((status) => {
      response.writeHead(status).end();
      if (status === 204) setImmediate(work);
    });
});

// first what was missed, then what comes: so the order holds
await catchUpAndWork();
server.listen(Number(options.port), '127.0.0.1', () => {
  console.log(`listening on 127.0.0.1:${(server.address() as AddressInfo).port}`);
});
setInterval(catchUpAndWork, CATCH_UP_EVERY).unref();
process.on('SIGTERM', () => {
  server.close(() => {
    database.close();
    process.exit(0);
  });
});
