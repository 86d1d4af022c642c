/** The outbox that keeps its events in a database: given out once committed, and still there after the process died. */
import type { Complaints } from '../net/index.ts';
import type { Clock, Log } from '../streams/index.ts';
import { Committer } from './committer.ts';
import { Journal, openKey } from './journal.ts';
import { LaneBook } from './lane-book.ts';
import type {
  EventFilter,
  Keeping,
  KeptEvent,
  Left,
  NewEvent,
  OpenChange,
  Outbox,
  ReceiverTally,
  ReplayFilter,
  SessionBytes,
  Settlement,
  Take,
  WaitingEvent,
} from './outbox.ts';
import {
  type Failure,
  type Kind,
  type Op,
  type Opened,
  type Replies,
  type Request,
  STATES,
} from './outbox-messages.ts';
import { Pruner } from './pruner.ts';
import { Replays } from './replays.ts';
import { recordOpened, sessionOpened } from './sessions.ts';
import { StreamNumbers } from './stream-numbers.ts';
import { Tallies } from './tallies.ts';
import type { Timers } from './timers.ts';
import { Watchers } from './watchers.ts';

/** Events that are not in the database yet, at most; with bodies of 400 bytes about 50 MB. */
const MAX_UNCOMMITTED_EVENTS = 50_000;
/** Numbers begin here, per ms since 1970, where those given before cannot be known: they go on rising. */
const NUMBERS_PER_MS = 1000;

export interface DurableOutboxOptions {
  readonly path: string;
  /** Begins every event's id; differs from one process to the next. */
  readonly idPrefix: string;
  /** How long settled events are kept. */
  readonly retentionHours: number;
  /** The size that the file may have, in pages of 4096 bytes; null: any. Asked for at each opening. */
  readonly maxPages?: () => number | null;
  /** Events held in memory while the database cannot be written, at most. */
  readonly maxUncommitted?: number;
}

export interface DurableOutboxDeps {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly complaints: Complaints;
}

export class DurableOutbox implements Outbox {
  readonly isVolatile = false;
  readonly #options: DurableOutboxOptions;
  readonly #deps: DurableOutboxDeps;
  readonly #maxUncommitted: number;
  readonly #journal = new Journal();
  readonly #committer: Committer;
  readonly #book: LaneBook;
  readonly #tallies = new Tallies();
  readonly #watchers = new Watchers();
  readonly #streams = new StreamNumbers();
  readonly #pruner: Pruner;
  readonly #replays: Replays;
  /** What is open, by kind and id, and given numbers, should a damaged database take them along. */
  readonly #open = new Map<string, OpenChange>();
  readonly #reserved = new Map<string, number>();
  /** Asked for while the database cannot be read. */
  #unread: (() => void)[] = [];
  #onLeft: (left: Left) => void = () => {};
  /** With so many uncommitted changes it is time to look which are needed. */
  #compactAt: number;
  #lastSeq = 0;
  #lost = 0;

  constructor(options: DurableOutboxOptions, deps: DurableOutboxDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#maxUncommitted = options.maxUncommitted ?? MAX_UNCOMMITTED_EVENTS;
    this.#compactAt = 4 * this.#maxUncommitted;
    this.#committer = new Committer(
      { path: options.path, maxPages: options.maxPages ?? (() => null), timers: deps.timers, journal: this.#journal },
      {
        opened: (opened, isFirst) => this.#opened(opened, isFirst),
        readable: () => this.#readOn(),
        committed: (events) => this.#committed(events),
        failed: (failure) => this.#failed(failure),
        recovered: () => this.#recovered(),
      },
    );
    this.#book = new LaneBook(deps.clock, {
      load: (receiver, lane, from, limit) => this.#load({ kind: 'load', receiver, lane, from, limit }),
      scan: (receiver, from) => this.#scan({ kind: 'scan', receiver, from }),
      isSettled: (seq) => this.#journal.isSettled(seq),
      isReleased: (seq) => this.#journal.isReleased(seq),
    });
    this.#pruner = new Pruner(options.retentionHours, deps, (request, onReply) =>
      this.#committer.ask(request, onReply),
    );
    this.#replays = new Replays({
      log: deps.log,
      ask: (request) => this.#ask(request),
      onReplayed: (receiver, count, from) => this.#book.stored(receiver, count, from),
    });
  }

  get waiting(): number {
    return this.#book.waiting;
  }

  get isStuck(): boolean {
    return this.#book.isStuck;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  get keeping(): Keeping {
    return this.#committer.keeping;
  }

  get lost(): number {
    return this.#lost;
  }

  async open(onReady: (receiver: string) => void, onLeft: (left: Left) => void = () => {}): Promise<void> {
    this.#book.onReady = onReady;
    this.#onLeft = onLeft;
    await this.#committer.open();
    this.#pruner.start();
  }

  append(event: NewEvent, change: OpenChange | null = null): number | null {
    // What began has its end, which there is one of for each that is open.
    const isOwed = change?.kind === 'close' && this.#open.has(openKey(change));
    if (!isOwed && !this.#hasRoom()) return null;
    const seq = ++this.#lastSeq;
    const waiting: WaitingEvent = {
      ...event,
      seq,
      streamSeq: this.#streams.next(event.streamName),
      id: `${this.#options.idPrefix}${seq}`,
      attempts: 0,
    };
    if (change !== null) this.#remember(change);
    this.#committer.push({ kind: 'append', event: waiting, change });
    this.#book.place(waiting);
    return seq;
  }

  note(change: OpenChange): void {
    this.#remember(change);
    this.#committer.push({ kind: 'change', change });
    this.#compactWhereLong();
  }

  count(sessions: readonly SessionBytes[]): void {
    this.#committer.count(sessions);
  }

  reserve(prefix: string, last: number, exact: boolean, onSafe: () => void): void {
    this.#reserved.set(prefix, last);
    this.#committer.push({ kind: 'reserve', prefix, last, exact }, onSafe);
  }

  take(receiver: string, maxLanes: number): Promise<Take> {
    return Promise.resolve(this.#book.take(receiver, maxLanes));
  }

  settle(event: WaitingEvent, settlement: Settlement): void {
    if (!this.#book.settle(event, settlement)) return;
    if (settlement.kind !== 'retry') this.#tallies.add(event.receiver, settlement.kind);
    const atMs = this.#deps.clock.unixMs();
    this.#committer.push({
      kind: 'settle',
      seq: event.seq,
      state: settlement.kind === 'retry' ? STATES.waiting : STATES[settlement.kind],
      attempts: event.attempts + 1,
      atMs,
      status: settlement.status,
      error: 'why' in settlement && settlement.status === null ? settlement.why : null,
      dueMs: settlement.kind === 'retry' ? atMs + settlement.delayMs : 0,
    });
    this.#compactWhereLong();
  }

  /** Where the database has been away for long, what is over need not be kept. */
  #compactWhereLong(): void {
    if (this.keeping.in === 'database' || this.#journal.length < this.#compactAt) return;
    this.#journal.compact();
    this.#compactAt = Math.max(4 * this.#maxUncommitted, 2 * this.#journal.length);
  }

  release(seq: number): void {
    this.#book.release(seq);
    this.#committer.push({ kind: 'release', seq });
  }

  hurry(): void {
    this.#book.hurry();
  }

  async tallies(): Promise<ReceiverTally[]> {
    const receivers = Array.from(this.#book.receivers(), ({ name }) => name);
    const oldest = new Map<string, number | null>();
    if (this.#committer.isReadable) {
      const answer = await this.#ask({ kind: 'oldest', receivers }).catch(() => null);
      receivers.forEach((receiver, i) => void oldest.set(receiver, answer?.unixMs[i] ?? null));
    }
    return this.#tallies.of(this.#book, (receiver) => oldest.get(receiver) ?? null);
  }

  async events(filter: EventFilter): Promise<KeptEvent[]> {
    const found: KeptEvent[] = [];
    for (let rest: EventFilter | null = filter; rest !== null; ) {
      const page: Replies['page'] = await this.#ask({ kind: 'page', filter: rest });
      found.push(...page.events);
      const limit = filter.limit - found.length;
      if (page.next === null || limit <= 0) rest = null;
      else if (filter.isNewestFirst === true) rest = { ...filter, before: page.next, limit };
      else rest = { ...filter, since: page.next, limit };
    }
    return found;
  }

  replay(filter: ReplayFilter): Promise<number> {
    return this.#replays.begin(filter);
  }

  watch(onEvents: (events: readonly WaitingEvent[]) => void): () => void {
    return this.#watchers.add(onEvents);
  }

  idle(): Promise<void> {
    return this.#committer.idle();
  }

  async close(): Promise<void> {
    this.#pruner.stop();
    await this.#committer.close();
    const unsaved = this.#journal.events;
    if (unsaved > 0) {
      this.#deps.log.error({ events: unsaved, path: this.#options.path }, 'events lost: they could not be written');
    }
  }

  #remember(change: OpenChange): void {
    if (change.kind === 'open') {
      this.#open.set(openKey(change), change);
      return;
    }
    this.#open.delete(openKey(change));
    if (change.of === 'session') this.#committer.uncount(change.id);
  }

  /** Delivered events make room where the database has been away for long. */
  #hasRoom(): boolean {
    if (this.#journal.events < this.#maxUncommitted) return true;
    if (this.keeping.in === 'database' || this.#journal.settledEvents * 2 < this.#maxUncommitted) return false;
    this.#journal.compact();
    return this.#journal.events < this.#maxUncommitted;
  }

  #opened(opened: Opened, isFirst: boolean): void {
    const { damagedAs } = opened;
    if (damagedAs !== null) {
      this.#deps.log.error({ damagedAs }, 'the outbox’s database is damaged: set aside, and a new one begun');
    }
    if (isFirst) this.#start(opened);
    else if (damagedAs !== null) this.#refill();
  }

  #start({ damagedAs, lastSeq, receivers, counters, sessions, records }: Opened): void {
    if (damagedAs !== null) this.#countFromTime();
    this.#lastSeq = Math.max(this.#lastSeq, lastSeq);
    this.#book.startAt(lastSeq);
    for (const { receiver, waiting, ...counts } of receivers) {
      this.#tallies.start(receiver, counts);
      if (waiting > 0) this.#book.stored(receiver, waiting, 0);
    }
    for (const change of [...sessions.map(sessionOpened), ...records.map(recordOpened)]) this.#remember(change);
    this.#onLeft({ sessions, records, counters: new Map(counters), complete: damagedAs === null });
  }

  #countFromTime(): void {
    this.#lastSeq = Math.max(this.#lastSeq, this.#deps.clock.unixMs() * NUMBERS_PER_MS);
  }

  /** Into the new database goes what is known of the damaged one. */
  #refill(): void {
    const before = this.#book.waiting;
    const uncommitted = new Set(Array.from(this.#journal.appended(), ({ seq }) => seq));
    const held = this.#book.storeLost();
    const lost = before - held.length;
    this.#lost += lost;
    if (lost > 0) this.#deps.log.error({ events: lost }, 'events lost with the damaged database');
    this.#journal.unshift([
      ...Array.from(this.#streams.last, ([streamName, upTo]): Op => ({ kind: 'number', streamName, more: 0, upTo })),
      ...Array.from(this.#open.values(), (change): Op => ({ kind: 'change', change })),
      ...Array.from(this.#reserved, ([prefix, last]): Op => ({ kind: 'reserve', prefix, last, exact: false })),
      ...held.filter(({ seq }) => !uncommitted.has(seq)).map((event): Op => ({ kind: 'append', event, change: null })),
    ]);
  }

  #committed(events: readonly WaitingEvent[]): void {
    this.#streams.committed(events);
    for (const event of events) this.#book.committed(event);
    this.#watchers.tell(events);
    this.#readOn();
    this.#replays.goOn();
  }

  #failed(failure: Failure): void {
    if (this.#lastSeq === 0) this.#countFromTime();
    this.#deps.complaints.about('outbox', (times) =>
      this.#deps.log.error(
        {
          why: failure.message,
          code: failure.code,
          path: this.#options.path,
          times,
          uncommitted: this.#journal.events,
        },
        'the outbox’s database cannot be used: events go on from memory',
      ),
    );
    this.#streams.goAhead(this.#journal.appended());
    this.#book.giveAll(true);
  }

  #recovered(): void {
    this.#streams.stop();
    this.#book.giveAll(false);
    this.#deps.log.info({ path: this.#options.path }, 'the outbox’s database is in use');
  }

  #load(request: Request<'load'>): void {
    const { receiver, lane, from } = request;
    this.#read(request, ({ found, isAll }) => this.#book.loaded(receiver, lane, from, found, isAll));
  }

  #scan(request: Request<'scan'>): void {
    this.#read(request, ({ found, next }) => this.#book.scanned(request.receiver, found, next));
  }

  /** Not while so much waits for its commit that reads would only hold it up. */
  get #mayRead(): boolean {
    return this.#committer.isReadable && this.#journal.length <= 2 * this.#maxUncommitted;
  }

  #readOn(): void {
    if (this.#mayRead) for (const read of this.#unread.splice(0)) read();
  }

  /** Reads as soon as that can be done. */
  #read<K extends 'load' | 'scan'>(request: Request<K>, onRead: (value: Replies[K]) => void): void {
    const again = (): void => this.#read(request, onRead);
    if (!this.#mayRead) {
      this.#unread.push(again);
      return;
    }
    this.#committer.ask<K>(request, (reply) => {
      if (reply.ok) onRead(reply.value);
      else this.#unread.push(again);
    });
  }

  #ask<K extends Kind>(request: Request<K>): Promise<Replies[K]> {
    const { keeping } = this;
    if (!this.#committer.isReadable) {
      return Promise.reject(new Error(`the database cannot be used: ${'why' in keeping ? keeping.why : ''}`));
    }
    return new Promise((resolve, reject) => {
      this.#committer.ask<K>(request, (reply) => {
        if (reply.ok) resolve(reply.value);
        else reject(new Error(reply.failure.message));
      });
    });
  }
}
