/** Changes on their way to the database: in order, kept until they are committed. */
import type { OpenChange, WaitingEvent } from './outbox.ts';
import { type Op, STATES } from './outbox-messages.ts';

export class Journal {
  #ops: Op[] = [];
  #head = 0;
  #events = 0;
  /** So many changes, the first ones, have been asked to be committed: they may be in the database without anybody's knowing. */
  #asked = 0;
  /** Events with a settlement that is not committed yet. */
  #settled = new Set<number>();
  /** Events with a release that is not committed yet. */
  #released = new Set<number>();

  get length(): number {
    return this.#ops.length - this.#head;
  }

  /** How many of the changes are events. */
  get events(): number {
    return this.#events;
  }

  /** How many settlements of events wait for their commit. */
  get settledEvents(): number {
    return this.#settled.size;
  }

  push(op: Op): void {
    this.#ops.push(op);
    if (op.kind === 'append') this.#events++;
    else if (op.kind === 'settle' && op.state !== STATES.waiting) this.#settled.add(op.seq);
    else if (op.kind === 'release') this.#released.add(op.seq);
  }

  /** Puts changes before all others. */
  unshift(ops: readonly Op[]): void {
    const rest = this.#ops.slice(this.#head);
    this.#clear();
    for (const op of ops) this.push(op);
    for (const op of rest) this.push(op);
  }

  /** The first changes, at most `limit`, to be committed. They stay the first ones until they are dropped. */
  first(limit: number): readonly Op[] {
    const ops = this.#ops.slice(this.#head, this.#head + limit);
    this.#asked = Math.max(this.#asked, ops.length);
    return ops;
  }

  /** The first changes are committed. */
  drop(count: number): void {
    for (let i = this.#head; i < this.#head + count; i++) {
      const op = this.#ops[i];
      if (op?.kind === 'append') this.#events--;
      else if (op?.kind === 'settle' && op.state !== STATES.waiting) this.#settled.delete(op.seq);
      else if (op?.kind === 'release') this.#released.delete(op.seq);
    }
    this.#head += count;
    this.#asked = Math.max(0, this.#asked - count);
    if (this.#head * 2 < this.#ops.length) return;
    this.#ops = this.#ops.slice(this.#head);
    this.#head = 0;
  }

  isSettled(seq: number): boolean {
    return this.#settled.has(seq);
  }

  isReleased(seq: number): boolean {
    return this.#settled.has(seq) || this.#released.has(seq);
  }

  *appended(): Generator<WaitingEvent> {
    for (let i = this.#head; i < this.#ops.length; i++) {
      const op = this.#ops[i];
      if (op?.kind === 'append') yield op.event;
    }
  }

  /**
   * Makes room: leaves out the events that are settled, with their settlements, tries that were followed by others, and
   * sessions and records that began and ended. What is left says that their numbers were given. What was asked to be committed stays.
   */
  compact(): void {
    const asked = this.#ops.slice(this.#head, this.#head + this.#asked);
    const ops = this.#ops.slice(this.#head + this.#asked);
    const gone = new Set<number>();
    const numbers = new Map<string, { more: number; upTo: number }>();
    const closed = new Set<string>();
    const opened = new Set<string>();
    const lastTries = new Map<number, Op>();
    for (const op of ops) {
      if (op.kind === 'settle') lastTries.set(op.seq, op);
      if (op.kind === 'append' && this.#settled.has(op.event.seq)) gone.add(op.event.seq);
      if (op.kind !== 'append' && op.kind !== 'change') continue;
      if (op.change === null) continue;
      const key = openKey(op.change);
      if (op.change.kind === 'open') opened.add(key);
      else if (opened.has(key)) closed.add(key);
    }
    const rest: Op[] = [];
    for (const op of ops) {
      if (op.kind === 'settle' && (gone.has(op.seq) || lastTries.get(op.seq) !== op)) continue;
      if (op.kind === 'number') {
        count(numbers, op.streamName, op.more, op.upTo);
      } else if (op.kind === 'append' && gone.has(op.event.seq)) {
        const { streamName, streamSeq } = op.event;
        if (streamName !== null) count(numbers, streamName, streamSeq === null ? 1 : 0, streamSeq ?? 0);
        if (op.change !== null && !isOver(op.change, closed)) rest.push({ kind: 'change', change: op.change });
      } else if (op.kind === 'append' && op.change !== null && isOver(op.change, closed)) {
        rest.push({ ...op, change: null });
      } else if (op.kind !== 'change' || !isOver(op.change, closed)) {
        rest.push(op);
      }
    }
    const given = Array.from(numbers, ([streamName, number]): Op => ({ kind: 'number', streamName, ...number }));
    this.#clear();
    for (const op of [...asked, ...given, ...rest]) this.push(op);
    this.#asked = asked.length;
  }

  #clear(): void {
    this.#ops = [];
    this.#head = 0;
    this.#events = 0;
    this.#asked = 0;
    this.#settled = new Set();
    this.#released = new Set();
  }
}

function count(numbers: Map<string, { more: number; upTo: number }>, stream: string, more: number, upTo: number): void {
  const known = numbers.get(stream) ?? { more: 0, upTo: 0 };
  numbers.set(stream, { more: known.more + more, upTo: Math.max(known.upTo, upTo) });
}

function isOver(change: OpenChange, closed: ReadonlySet<string>): boolean {
  return closed.has(openKey(change));
}

/** Tells what is open from all else that is, sessions and records together. */
export function openKey({ of, id }: OpenChange): string {
  return `${of} ${id}`;
}
