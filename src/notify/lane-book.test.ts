/** Tests of lanes whose events are mostly in the store: which are known, when they are asked for, and that all get their turn. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LaneBook } from './lane-book.ts';
import { FakeTime } from './notify.fixture.ts';
import { delivered, event, RECEIVER, retry } from './outbox.fixture.ts';
import type { WaitingEvent } from './outbox.ts';

const SCAN_STEP = 700;

/** A store that holds what was committed, and answers when it is told to. */
class FakeStore {
  readonly waiting = new Map<number, WaitingEvent>();
  readonly asked: (() => void)[] = [];
  readonly time = new FakeTime();
  readonly book = new LaneBook(this.time, {
    load: (_, lane, from, limit) => void this.asked.push(() => this.#load(lane, from, limit)),
    scan: (_, from) => void this.asked.push(() => this.#scan(from)),
    isSettled: () => false,
    isReleased: (seq) => this.released.has(seq),
  });
  /** Events that nobody waits for any more, though the store does not say so yet. */
  readonly released = new Set<number>();
  /** When stored events are to be tried. */
  dueUnixMs = 0;
  #lastSeq = 0;

  /** What an earlier process left. */
  stored(lanes: readonly string[]): void {
    for (const lane of lanes) {
      const seq = ++this.#lastSeq;
      this.waiting.set(seq, { ...event(lane), seq, streamSeq: null, id: `m-${seq}`, attempts: 0 });
    }
    this.book.startAt(this.#lastSeq);
    this.book.stored(RECEIVER, lanes.length, 0);
  }

  append(lane: string, after: number | null = null): WaitingEvent {
    const seq = ++this.#lastSeq;
    const one = { ...event(lane, { after }), seq, streamSeq: null, id: `m-${seq}`, attempts: 0 };
    this.book.place(one);
    return one;
  }

  commit(one: WaitingEvent): void {
    this.waiting.set(one.seq, one);
    this.book.committed(one);
  }

  take(): WaitingEvent[] {
    for (;;) {
      const events = this.book.take(RECEIVER, 64).runs.flat();
      if (events.length > 0 || this.asked.length === 0) return events;
      for (const answer of this.asked.splice(0)) answer();
    }
  }

  settle(one: WaitingEvent): void {
    this.waiting.delete(one.seq);
    assert.ok(this.book.settle(one, delivered));
  }

  #rows(from: number): WaitingEvent[] {
    return [...this.waiting.values()].filter(({ seq }) => seq >= from).sort((a, b) => a.seq - b.seq);
  }

  #load(lane: string, from: number, limit: number): void {
    const found = this.#rows(from).filter((one) => one.lane === lane);
    const isWaitedFor = (seq: number | null): boolean => seq !== null && this.waiting.has(seq);
    const events = found.slice(0, limit).map((one) => ({
      event: { ...one, after: isWaitedFor(one.after) ? one.after : null },
      dueUnixMs: this.dueUnixMs,
    }));
    this.book.loaded(RECEIVER, lane, from, events, events.length < limit);
  }

  #scan(from: number): void {
    const rows = this.#rows(from).slice(0, SCAN_STEP);
    const firsts = new Map<string, number>();
    for (const { lane, seq } of rows) if (!firsts.has(lane)) firsts.set(lane, seq);
    const last = rows.at(-1);
    const next = rows.length === SCAN_STEP && last !== undefined ? last.seq + 1 : null;
    this.book.scanned(RECEIVER, [...firsts], next);
  }
}

/** Delivers all that comes and tells it; each lane's events must come in order. */
function deliverAll(store: FakeStore): number {
  const lastOf = new Map<string, number>();
  let count = 0;
  for (let events = store.take(); events.length > 0; events = store.take()) {
    for (const one of events) {
      assert.ok(one.seq > (lastOf.get(one.lane) ?? 0), `event ${one.seq} out of order`);
      const isFree = one.after === null || store.released.has(one.after) || !store.waiting.has(one.after);
      assert.ok(isFree, `event ${one.seq} before ${one.after}`);
      lastOf.set(one.lane, one.seq);
      store.settle(one);
      count++;
    }
  }
  return count;
}

test('more lanes than are known at a time: all get their turn, also those whose first events wait for others', () => {
  const store = new FakeStore();
  const LANES = 8000;
  for (let i = 0; i < LANES; i++) {
    const connect = store.append(`session ${i}`);
    const start = store.append(`stream ${i}`, connect.seq);
    const stop = store.append(`stream ${i}`, connect.seq);
    for (const one of [connect, start, stop]) store.commit(one);
  }
  const [receiver] = store.book.receivers();
  assert.ok((receiver?.lanes.size ?? 0) < LANES * 1.5);
  assert.equal(deliverAll(store), 3 * LANES);
  assert.equal(store.book.waiting, 0);
  assert.equal(receiver?.lanes.size, 0);
});

test('lanes that wait for their retry do not keep those from their turn that are known', () => {
  const store = new FakeStore();
  for (let i = 0; i < 100; i++) store.commit(store.append('dead'));
  const [first] = store.take();
  assert.ok(first);
  store.book.settle(first, retry(60_000));
  for (let i = 0; i < 500; i++) store.commit(store.append(`live ${i % 5}`));
  assert.equal(deliverAll(store), 500);
  assert.equal(store.book.isStuck, true);
  store.book.hurry();
  assert.equal(deliverAll(store), 100);
});

test('a stored event waits for its retry, but not where the clock was put back since', () => {
  for (const [aheadMs, taken] of [
    [1000, 0],
    [3_600_000, 0],
    [3_600_001, 1],
    [86_400_000, 1],
  ] as const) {
    const store = new FakeStore();
    store.dueUnixMs = store.time.now + aheadMs;
    store.stored(['lane']);
    assert.equal(store.take().length, taken, `${aheadMs} ms`);
  }
});

test('events that come while the store is looked through take their place behind those in it', () => {
  const store = new FakeStore();
  store.stored(Array.from({ length: 2000 }, (_, i) => `lane ${i}`));
  const seen: WaitingEvent[] = [];
  const deliver = (events: readonly WaitingEvent[]): void => {
    for (const one of events) store.settle(one);
    seen.push(...events);
  };
  for (let i = 0; i < 200; i++) {
    const one = store.append(`lane ${1900 + i}`);
    deliver(store.take());
    store.commit(one);
  }
  for (let events = store.take(); events.length > 0; events = store.take()) deliver(events);
  assert.equal(seen.length, 2200);
  for (const seqs of Map.groupBy(seen, ({ lane }) => lane).values()) {
    assert.deepEqual(
      seqs,
      seqs.toSorted((a, b) => a.seq - b.seq),
    );
  }
});

test('what is loaded does not wait for an event that was released after the store had answered', () => {
  const store = new FakeStore();
  const start = store.append('server');
  store.commit(start);
  for (let i = 0; i < 100; i++) store.commit(store.append('a', start.seq));
  assert.deepEqual(store.take(), [start]);
  store.book.settle(start, retry(60_000));
  store.released.add(start.seq);
  store.book.release(start.seq);
  assert.equal(deliverAll(store), 100);
  assert.equal(store.book.waiting, 1);
});
