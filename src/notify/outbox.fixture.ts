/** Test helpers: durable outboxes in temp folders, what a crash would leave of them, and lanes taken to the end. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Complaints } from '../net/index.ts';
import { DurableOutbox, type DurableOutboxOptions } from './durable-outbox.ts';
import { FakeTime } from './notify.fixture.ts';
import type { Left, NewEvent, Outbox, Settlement, WaitingEvent } from './outbox.ts';

export const RECEIVER = 'http://h';
export const delivered: Settlement = { kind: 'delivered', status: 200 };
export const retry = (delayMs: number): Settlement => ({ kind: 'retry', delayMs, status: 503, why: 'answered 503' });

export const event = (lane: string, change: Partial<NewEvent> = {}): NewEvent => ({
  event: 'on_pub_start',
  url: `${RECEIVER}/x`,
  receiver: RECEIVER,
  lane,
  after: null,
  body: `{"lane":"${lane}"}`,
  streamName: lane,
  sessionId: null,
  reason: null,
  unixMs: 1_700_000_000_000,
  ...change,
});

/** A folder that is removed after the test, and the outbox's file in it. */
export function outboxFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'outbox-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'data', 'outbox.db');
}

/** What a `kill -9` at this moment would leave, in a folder of its own. */
export function crashed(t: TestContext, path: string): string {
  const copy = outboxFile(t);
  cpSync(dirname(path), dirname(copy), { recursive: true });
  return copy;
}

export interface Opened {
  readonly outbox: DurableOutbox;
  readonly time: FakeTime;
  readonly logged: string[];
  readonly left: Left[];
  readonly ready: string[];
}

let opened = 0;

export async function openOutbox(
  t: TestContext,
  path: string,
  options: Partial<DurableOutboxOptions> = {},
): Promise<Opened> {
  const it = makeOutbox(path, options);
  t.after(() => it.outbox.close());
  await it.outbox.open(
    (receiver) => it.ready.push(receiver),
    (left) => it.left.push(left),
  );
  return it;
}

export function makeOutbox(path: string, options: Partial<DurableOutboxOptions> = {}, time = new FakeTime()): Opened {
  const logged: string[] = [];
  const say = (level: string) => (fields: object, message: string) =>
    void logged.push(`${level} ${message} ${JSON.stringify(fields)}`);
  const log = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') };
  const outbox = new DurableOutbox(
    { path, idPrefix: `msg-${++opened}-`, retentionHours: 72, ...options },
    { clock: time, timers: time, log, complaints: new Complaints(time) },
  );
  return { outbox, time, logged, left: [], ready: [] };
}

/** Takes what can be taken now, after letting reads and commits come to their end. */
export async function taken(outbox: Outbox, maxLanes = 64): Promise<WaitingEvent[]> {
  await outbox.idle();
  for (let idle = 0; idle < 20; idle++) {
    const { runs } = await outbox.take(RECEIVER, maxLanes);
    if (runs.length > 0) return runs.flat();
    // A read takes a message to the database's thread and back.
    await outbox.tallies();
    await turn();
  }
  return [];
}

/** Delivers until nothing can be taken any more. */
export async function drained(outbox: Outbox): Promise<WaitingEvent[]> {
  const all: WaitingEvent[] = [];
  for (;;) {
    const events = await taken(outbox);
    if (events.length === 0) return all;
    for (const each of events) outbox.settle(each, delivered);
    all.push(...events);
  }
}

/** Lets time pass until the database is in use again. */
export async function recovered(outbox: DurableOutbox, time: FakeTime): Promise<void> {
  while (outbox.keeping.in !== 'database') {
    time.advance(1000);
    await turn();
  }
  await outbox.idle();
}

export function seqs(events: readonly { readonly seq: number }[]): number[] {
  return events.map(({ seq }) => seq);
}
