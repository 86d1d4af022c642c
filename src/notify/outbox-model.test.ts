/** A database, its thread and its failures in miniature, driven at random: every event is delivered once, and in the order of its lane. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LaneBook } from './lane-book.ts';
import { FakeTime } from './notify.fixture.ts';
import { delivered, event, RECEIVER, retry } from './outbox.fixture.ts';
import type { WaitingEvent } from './outbox.ts';

/** What a thread that answers in order does, and what is told of it. */
type Ask = () => () => void;

/** Rows that one look for lanes sees, and that one step of a replay changes. */
const SCAN_ROWS = 50;
const REPLAY_ROWS = 6;

class Model {
  readonly #time = new FakeTime();
  readonly #book: LaneBook;
  /** What the database has. */
  readonly #rows = new Map<number, { event: WaitingEvent; isWaiting: boolean; isReleased: boolean }>();
  /** Asked of the thread, and answers on their way back. */
  #asked: Ask[] = [];
  #answers: (() => void)[] = [];
  /** What is to be committed, as functions on the rows; and what the book knows of it. */
  #ops: { readonly event: WaitingEvent | null; readonly run: () => void; readonly done: () => void }[] = [];
  readonly #settled = new Map<number, number>();
  readonly #released = new Map<number, number>();
  #isCommitting = false;
  #isDown = false;
  #unread: Ask[] = [];
  #lastSeq = 0;
  #replays = 0;
  readonly #underWay: WaitingEvent[][] = [];
  /** Numbers as they were delivered, by lane. */
  readonly #seen = new Map<string, number[]>();
  /** Those that must have been. */
  readonly #owed = new Map<string, number[]>();
  readonly #open = new Set<number>();

  constructor() {
    this.#book = new LaneBook(this.#time, {
      load: (_, lane, from, limit) => this.#read(() => this.#load(lane, from, limit)),
      scan: (_, from) => this.#read(() => this.#scan(from)),
      isSettled: (seq) => this.#settled.has(seq),
      isReleased: (seq) => this.#settled.has(seq) || this.#released.has(seq),
    });
  }

  /** `gate`: it waits for an event that is not settled, if there is one. */
  append(lane: string, gate: boolean): void {
    const after = gate ? ([...this.#open][0] ?? null) : null;
    const one: WaitingEvent = { ...event(lane, { after }), seq: ++this.#lastSeq, streamSeq: null, id: '', attempts: 0 };
    this.#open.add(one.seq);
    this.#owe(lane, one.seq);
    const run = (): void => void this.#rows.set(one.seq, { event: one, isWaiting: true, isReleased: false });
    this.#push(one, run, () => this.#book.committed(one));
    this.#book.place(one);
  }

  take(): void {
    this.#underWay.push(...this.#book.take(RECEIVER, 3).runs.map((run) => [...run]));
  }

  settle(isDelivered: boolean): void {
    const [run] = this.#underWay;
    const one = run?.shift();
    if (run === undefined || one === undefined) {
      this.#underWay.shift();
      return;
    }
    const { seq } = one;
    if (!isDelivered) {
      this.#underWay.shift();
      assert.ok(this.#book.settle(one, retry(0)));
      return;
    }
    const { after } = one;
    assert.ok(after === null || !this.#open.has(after), `event ${seq} came before ${after}`);
    this.#see(one.lane, seq);
    this.#open.delete(seq);
    this.#count(this.#settled, seq, 1);
    this.#push(
      null,
      () => this.#row(seq, { isWaiting: false }),
      () => this.#count(this.#settled, seq, -1),
    );
    assert.ok(this.#book.settle(one, delivered));
    if (run.length === 0) this.#underWay.shift();
  }

  /** Nobody need wait for the oldest event any more. */
  release(): void {
    const [seq] = this.#open;
    if (seq === undefined) return;
    this.#open.delete(seq);
    this.#count(this.#released, seq, 1);
    this.#push(
      null,
      () => this.#row(seq, { isReleased: true }),
      () => this.#count(this.#released, seq, -1),
    );
    this.#book.release(seq);
  }

  commit(count: number): void {
    if (this.#isCommitting || this.#isDown || this.#ops.length === 0) return;
    this.#isCommitting = true;
    const ops = this.#ops.slice(0, count);
    this.#asked.push(() => {
      for (const { run } of ops) run();
      return () => {
        this.#isCommitting = false;
        this.#ops = this.#ops.slice(ops.length);
        for (const { done } of ops) done();
      };
    });
  }

  /** What was delivered waits again, step by step: the next one is asked for when the one before is answered. */
  replay(): void {
    if (!this.#isDown) this.#replayFrom(`replay ${++this.#replays} `, 0);
  }

  #replayFrom(prefix: string, since: number): void {
    this.#asked.push(() => {
      const settled = [...this.#rows.values()].filter((row) => !row.isWaiting && row.event.seq > since);
      const rows = settled.slice(0, REPLAY_ROWS);
      for (const row of rows) {
        row.event = { ...row.event, lane: prefix + row.event.lane, after: null };
        row.isWaiting = true;
      }
      const replayed = rows.map((row) => row.event);
      return () => {
        const [first] = replayed;
        if (first === undefined) return;
        for (const { lane, seq } of replayed) this.#owe(lane, seq);
        this.#book.stored(RECEIVER, replayed.length, first.seq);
        this.take();
        this.#replayFrom(prefix, replayed.at(-1)?.seq ?? 0);
      };
    });
  }

  work(): void {
    const ask = this.#asked.shift();
    if (ask !== undefined) this.#answers.push(ask());
  }

  hear(): void {
    this.#answers.shift()?.();
  }

  /** All but a commit, once. */
  turn(settles: number): void {
    this.take();
    for (let i = 0; i < settles; i++) this.settle(true);
    this.work();
    this.hear();
  }

  /** Reads and commits fail from now on, or no more; what was asked before is answered. */
  down(isDown: boolean): void {
    if (this.#isDown === isDown) return;
    while (this.#asked.length + this.#answers.length > 0) {
      this.work();
      this.hear();
    }
    this.#isDown = isDown;
    this.#book.giveAll(isDown);
    if (!isDown) this.#asked.push(...this.#unread.splice(0));
  }

  /** Everything comes to its end, and must have been right. */
  finish(): void {
    this.down(false);
    for (let idle = 0; idle < 10; ) {
      this.take();
      const isBusy = this.#asked.length + this.#answers.length + this.#ops.length + this.#underWay.length > 0;
      idle = isBusy ? 0 : idle + 1;
      this.settle(true);
      this.commit(100);
      this.work();
      this.hear();
    }
    assert.deepEqual(this.#seen, this.#owed);
    assert.equal(this.#book.waiting, 0);
    const [receiver] = this.#book.receivers();
    assert.equal(receiver?.lanes.size ?? 0, 0);
  }

  #push(one: WaitingEvent | null, run: () => void, done: () => void): void {
    this.#ops.push({ event: one, run, done });
  }

  #read(ask: Ask): void {
    if (this.#isDown) this.#unread.push(ask);
    else this.#asked.push(ask);
  }

  #load(lane: string, from: number, limit: number): () => void {
    const rows = this.#waiting(from).filter((row) => row.event.lane === lane);
    const found = rows
      .slice(0, limit)
      .map((row) => ({ event: { ...row.event, after: this.#gate(row.event) }, dueUnixMs: 0 }));
    return () => this.#book.loaded(RECEIVER, lane, from, found, found.length < limit);
  }

  #scan(from: number): () => void {
    const rows = this.#waiting(from).slice(0, SCAN_ROWS);
    const firsts = new Map<string, number>();
    for (const row of rows) if (!firsts.has(row.event.lane)) firsts.set(row.event.lane, row.event.seq);
    const next = rows.length === SCAN_ROWS ? (rows.at(-1)?.event.seq ?? 0) + 1 : null;
    return () => this.#book.scanned(RECEIVER, [...firsts], next);
  }

  #waiting(from: number) {
    const rows = [...this.#rows.values()].filter((row) => row.isWaiting && row.event.seq >= from);
    return rows.sort((a, b) => a.event.seq - b.event.seq);
  }

  #gate({ after }: WaitingEvent): number | null {
    const row = after === null ? undefined : this.#rows.get(after);
    return row?.isWaiting === true && !row.isReleased ? after : null;
  }

  #row(seq: number, change: { isWaiting?: boolean; isReleased?: boolean }): void {
    const row = this.#rows.get(seq);
    if (row !== undefined) Object.assign(row, change);
  }

  #count(counts: Map<number, number>, seq: number, by: number): void {
    const count = (counts.get(seq) ?? 0) + by;
    if (count === 0) counts.delete(seq);
    else counts.set(seq, count);
  }

  #see(lane: string, seq: number): void {
    this.#seen.set(lane, [...(this.#seen.get(lane) ?? []), seq]);
  }

  #owe(lane: string, seq: number): void {
    this.#owed.set(lane, [...(this.#owed.get(lane) ?? []), seq]);
  }
}

const lanes = fc.constantFrom('a', 'b', 'c', 'd');
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ append: lanes, times: fc.integer({ min: 1, max: 60 }), gate: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ take: fc.constant(true) }) },
  { weight: 8, arbitrary: fc.record({ settle: fc.boolean(), count: fc.integer({ min: 1, max: 20 }) }) },
  { weight: 1, arbitrary: fc.record({ release: fc.constant(true) }) },
  { weight: 5, arbitrary: fc.record({ commit: fc.integer({ min: 1, max: 80 }) }) },
  { weight: 12, arbitrary: fc.record({ work: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ turns: fc.integer({ min: 1, max: 10 }), settles: fc.constantFrom(0, 20) }) },
  { weight: 2, arbitrary: fc.record({ replay: fc.constant(true) }) },
  { weight: 1, arbitrary: fc.record({ down: fc.boolean() }) },
);

test('whatever meets whatever: each event is delivered once, in the order of its lane, and none is left behind', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
      const model = new Model();
      for (const each of steps) {
        if ('append' in each) for (let i = 0; i < each.times; i++) model.append(each.append, each.gate);
        else if ('take' in each) model.take();
        else if ('settle' in each) for (let i = 0; i < each.count; i++) model.settle(each.settle);
        else if ('release' in each) model.release();
        else if ('commit' in each) model.commit(each.commit);
        else if ('replay' in each) model.replay();
        else if ('down' in each) model.down(each.down);
        else if ('turns' in each) for (let i = 0; i < each.turns; i++) model.turn(each.settles);
        else if (each.work) model.work();
        else model.hear();
      }
      model.finish();
    }),
    { numRuns: 500 },
  );
});
