/** Tests of the changes that wait for their commit, and of what is left of them when room is made. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Journal } from './journal.ts';
import { session } from './notify.fixture.ts';
import { event } from './outbox.fixture.ts';
import type { OpenChange } from './outbox.ts';
import { type Op, STATES } from './outbox-messages.ts';

const append = (seq: number, streamSeq: number | null = null, change: OpenChange | null = null): Op => ({
  kind: 'append',
  event: { ...event('a'), seq, streamSeq, id: `m-${seq}`, attempts: 0 },
  change,
});
const settle = (seq: number, attempts: number, state: 0 | 1 = STATES.delivered): Op => ({
  kind: 'settle',
  seq,
  state,
  attempts,
  atMs: 0,
  status: 200,
  error: null,
  dueMs: 0,
});
const open = (id: string): OpenChange => ({ kind: 'open', of: 'session', id, facts: session(id) });
const close = (id: string): OpenChange => ({ kind: 'close', of: 'session', id });

function journalOf(...ops: Op[]): Journal {
  const journal = new Journal();
  for (const op of ops) journal.push(op);
  return journal;
}

test('changes leave in the order in which they came, and settled events are known until then', () => {
  const ops = [append(1), append(2), settle(1, 1)];
  const journal = journalOf(...ops);
  assert.deepEqual(journal.first(2), ops.slice(0, 2));
  assert.deepEqual([journal.length, journal.events, journal.isSettled(1), journal.isSettled(2)], [3, 2, true, false]);
  journal.drop(2);
  journal.unshift([append(9)]);
  assert.deepEqual(journal.first(9), [append(9), ops[2]]);
  journal.drop(2);
  assert.deepEqual([journal.length, journal.events, journal.isSettled(1)], [0, 0, false]);
});

test('making room leaves what is not settled, with numbers that go on, and sessions that are open', () => {
  const journal = journalOf(
    append(1, 7, open('X')),
    append(2, null, open('Y')),
    append(3, null, open('Z')),
    settle(1, 1),
    settle(2, 1),
    settle(3, 1, STATES.waiting),
    settle(3, 2, STATES.waiting),
    append(4, 9, close('X')),
    settle(4, 1),
    { kind: 'change', change: close('Z') },
    settle(100, 1),
  );
  journal.compact();
  assert.deepEqual(journal.first(99), [
    { kind: 'number', streamName: 'a', more: 1, upTo: 9 },
    { kind: 'change', change: open('Y') },
    append(3),
    settle(3, 2, STATES.waiting),
    settle(100, 1),
  ]);
  assert.deepEqual([journal.events, journal.isSettled(1), journal.isSettled(100)], [1, false, true]);
  journal.compact();
  assert.equal(journal.length, 5);
});

test('a try that failed and is committed does not hide that the event is settled since; a release is known likewise', () => {
  const journal = journalOf(append(1), settle(1, 1, STATES.waiting), settle(1, 2), { kind: 'release', seq: 2 });
  assert.deepEqual([journal.isReleased(1), journal.isReleased(2), journal.isReleased(3)], [true, true, false]);
  journal.drop(2);
  assert.equal(journal.isSettled(1), true);
  journal.drop(1);
  assert.deepEqual([journal.isSettled(1), journal.isReleased(1), journal.isReleased(2)], [false, false, true]);
  journal.drop(1);
  assert.equal(journal.isReleased(2), false);
});

test('making room leaves alone what is being committed, or may have been: it is still what comes first', () => {
  const journal = journalOf(append(1, null, open('X')), settle(1, 1, STATES.waiting), append(2));
  const asked = journal.first(2);
  for (const op of [settle(1, 2), settle(2, 1), append(3, null, close('X')), settle(3, 1), append(4)]) journal.push(op);
  journal.compact();
  assert.deepEqual(journal.first(99), [
    ...asked,
    { kind: 'number', streamName: 'a', more: 2, upTo: 0 },
    settle(1, 2),
    { kind: 'change', change: close('X') },
    append(4),
  ]);
  journal.drop(2);
  journal.compact();
  assert.deepEqual([journal.length, journal.events, journal.isSettled(1)], [4, 1, true]);
});
