/** HTTP Notify as the server sees it: takes facts in, and tells the business side of them until it has heard them all. */
import { randomUUID } from 'node:crypto';
import { Complaints, type Outbound } from '../net/index.ts';
import type { Clock, Fact, GroupSnapshot, Ledger, Log, RecordFacts, SessionCounter } from '../streams/index.ts';
import { createAdmin, type NotifyAdmin } from './admin.ts';
import { DurableOutbox } from './durable-outbox.ts';
import { createHeaderMaker, type HeaderMaker } from './headers.ts';
import { Lanes } from './lanes.ts';
import { LiveDelivery } from './live-delivery.ts';
import { MemoryOutbox } from './memory-outbox.ts';
import { type NotifyEvent, type NotifyOptions, type Target, targetsOf } from './options.ts';
import type { Left, Outbox, Settlement, WaitingEvent } from './outbox.ts';
import { messageOf, type NotifyMessage, updateBody } from './payloads.ts';
import { SessionNumbers } from './session-numbers.ts';
import { ByteSums, crashStops, openChangeOf } from './sessions.ts';
import { systemTimers, type Timers } from './timers.ts';
import { UpdateSender } from './update-sender.ts';

export interface NotifierDeps {
  readonly log: Log;
  readonly clock: Clock;
  readonly outbound: Outbound;
  /** E.g. `millrace/0.1.0`. */
  readonly userAgent: string;
  /** The `data` of `/api/stat/lal_info`. */
  readonly lalInfo: () => object;
  /** All groups now, for on_update. */
  readonly groups: () => readonly GroupSnapshot[];
  /** Told of each event as it happens, whether or not it has a URL, and of on_update. Never throws. */
  readonly onEvent?: (message: NotifyMessage) => void;
  /** Told of the records that a crash left open: each gets its stop by `record`. */
  readonly onRecordsLeft?: (records: readonly RecordFacts[]) => void;
  readonly timers?: Timers;
  /** From 0 to 1. */
  readonly random?: () => number;
  readonly outbox?: Outbox;
}

export interface NotifyStatus {
  /** Events neither delivered nor given up, those in flight included. */
  readonly backlog: number;
  readonly inFlight: number;
  readonly delivered: number;
  /** Tries that failed and are followed by another one. */
  readonly failed: number;
  readonly refused: number;
  readonly expired: number;
  /** Lost: there was no room for them. */
  readonly dropped: number;
  /** Why events are kept in memory alone; null while they are in the database. */
  readonly inMemory: string | null;
  /** The number given to an event last. */
  readonly lastSeq: number;
  readonly updates: { readonly sent: number; readonly replaced: number; readonly failed: number };
}

export interface Notifier extends Ledger {
  /** The numbers of sessions: from 1, never twice, also not over restarts. Once it is open. */
  readonly counter: SessionCounter;
  /** What the API shows and mends. */
  readonly admin: NotifyAdmin;
  /** The number given to an event last. */
  readonly lastSeq: number;
  /**
   * Opens the outbox and tells of the sessions and records that a crash left open. Resolves before anything is delivered; rejects
   * where another process has the outbox.
   */
  open(): Promise<void>;
  /**
   * From now on: URLs, headers, secrets, intervals and bounds. What waits goes where it was to go when it happened, with the new
   * headers. The outbox and `serverId` stay as they are. Throws as `createNotifier` does, and has changed nothing then.
   */
  reconfigure(options: NotifyOptions): void;
  /** Keeps the byte sums of all sessions, for their stops after a crash; once a second. */
  setSessionCounters(groups: readonly GroupSnapshot[]): void;
  /**
   * Opens the outbox unless it is open.
   * Every listener is bound: on_server_start goes out, then the facts that were recorded until now, then all others
   * and on_update. The start of the server need not be recorded: this tells of it.
   */
  start(): Promise<void>;
  /** Sends on_update with these groups now, or as soon as the one before is answered; the newest only. */
  update(groups: readonly GroupSnapshot[]): void;
  /**
   * Delivers what waits, at most `deadlineMs` long, then ends. Facts recorded later are lost. `isKept`: what is not
   * delivered goes out at the next start.
   */
  stop(deadlineMs: number): Promise<{ readonly undelivered: number; readonly isKept: boolean }>;
  status(): NotifyStatus;
}

/** Facts kept until `start`; listeners are bound within moments. */
const MAX_EARLY_FACTS = 10_000;
/** Sessions whose on_rtmp_connect is remembered; a start comes within moments of it, so the oldest may be forgotten. */
const MAX_CONNECTS = 50_000;
/** After so many tries that reached a receiver it gets its other events, though it has not taken on_server_start. */
const SERVER_START_TRIES = 10;

/** Throws an Error where a URL, a header or a secret cannot be used. */
export function createNotifier(options: NotifyOptions, deps: NotifierDeps): Notifier {
  return new HttpNotifier(options, deps);
}

class HttpNotifier implements Notifier {
  #options: NotifyOptions;
  readonly #deps: NotifierDeps;
  readonly #timers: Timers;
  #targets: ReadonlyMap<NotifyEvent, Target>;
  #headers: HeaderMaker;
  readonly #complaints: Complaints;
  readonly #outbox: Outbox;
  readonly #delivery: LiveDelivery;
  readonly #lanes: Lanes;
  readonly #updates: UpdateSender;
  /** The on_rtmp_connect of each session that is not settled yet, by session: its other events come after it. */
  readonly #connects = new Map<string, { readonly seq: number; readonly receiver: string }>();
  readonly counter: SessionNumbers;
  readonly admin: NotifyAdmin;
  readonly #byteSums = new ByteSums();
  #opening: Promise<void> | null = null;
  /** Receivers that have something to take, until deliveries begin. */
  readonly #ready = new Set<string>();
  /** on_server_start while its receiver gets nothing before it. */
  #serverStart: { readonly seq: number; readonly receiver: string } | null = null;
  #state: 'new' | 'running' | 'stopped' = 'new';
  #early: Fact[] = [];
  #dropped = 0;
  #cancelTick: () => void = () => {};

  constructor(options: NotifyOptions, deps: NotifierDeps) {
    const { clock, log } = deps;
    const idPrefix = `msg-${randomUUID().slice(0, 8)}-`;
    this.#options = options;
    this.#deps = deps;
    this.#timers = deps.timers ?? systemTimers;
    this.#targets = targetsOf(options.urls);
    this.#complaints = new Complaints(clock);
    const { outboxPath: path, retentionHours } = options;
    const kept = { clock, log, timers: this.#timers, complaints: this.#complaints };
    this.#outbox =
      deps.outbox ??
      (path === null
        ? new MemoryOutbox({ idPrefix, clock })
        : new DurableOutbox({ path, idPrefix, retentionHours }, kept));
    this.counter = new SessionNumbers(this.#outbox, clock);
    this.admin = createAdmin({
      outbox: this.#outbox,
      clock,
      inFlight: (receiver) => this.#lanes.inFlight(receiver),
      dropped: () => this.#dropped,
    });
    this.#headers = createHeaderMaker(options, deps.userAgent);
    const headers: HeaderMaker = {
      event: (event, unixMs) => this.#headers.event(event, unixMs),
      plain: (id, body, unixMs) => this.#headers.plain(id, body, unixMs),
    };
    this.#delivery = new LiveDelivery({
      ...deliveryOptions(options),
      timers: this.#timers,
      outbound: deps.outbound,
    });
    const shared = { delivery: this.#delivery, headers, clock, log, complaints: this.#complaints };
    this.#lanes = new Lanes(options, {
      ...shared,
      outbox: this.#outbox,
      timers: this.#timers,
      random: deps.random ?? Math.random,
      isOwn: ({ id }) => id.startsWith(idPrefix),
      onTried: (event, settlement, reached) => this.#tried(event, settlement, reached),
    });
    const update = this.#targets.get('on_update');
    const held = update !== undefined && update.receiver === this.#targets.get('on_server_start')?.receiver;
    this.#updates = new UpdateSender(update?.url ?? null, { ...shared, idPrefix }, held);
  }

  get lastSeq(): number {
    return this.#outbox.lastSeq;
  }

  open(): Promise<void> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<void> {
    const onReady = (receiver: string): void => {
      if (this.#state === 'running') this.#lanes.wake(receiver);
      else this.#ready.add(receiver);
    };
    let isFound = false;
    await this.#outbox.open(onReady, (left) => {
      isFound = true;
      this.#goOnAfter(left);
    });
    if (!isFound) this.counter.start(new Map(), this.#outbox.isVolatile);
    await this.#outbox.idle();
  }

  /** Numbers go on, and what was open gets its stop. */
  #goOnAfter({ sessions, records, counters, complete }: Left): void {
    this.counter.start(counters, complete);
    if (sessions.length > 0) {
      this.#deps.log.warn({ sessions: sessions.length }, 'sessions were open when the server died: their stops follow');
    }
    for (const stop of crashStops(sessions, this.#deps.clock.unixMs(), this.#deps.groups())) this.#append(stop);
    if (records.length > 0) this.#deps.onRecordsLeft?.(records);
  }

  reconfigure(options: NotifyOptions): void {
    const targets = targetsOf(options.urls);
    this.#headers = createHeaderMaker(options, this.#deps.userAgent);
    const isTicked = options.updateIntervalSec !== this.#options.updateIntervalSec;
    const update = targets.get('on_update');
    const isMoved = update?.url !== this.#targets.get('on_update')?.url;
    this.#options = options;
    this.#targets = targets;
    this.#delivery.update(deliveryOptions(options));
    this.#lanes.update(options);
    this.#updates.setUrl(update?.url ?? null);
    // another receiver need not have heard of the start
    if (update?.receiver !== this.#serverStart?.receiver) this.#updates.release();
    if (this.#state !== 'running' || !(isTicked || isMoved)) return;
    this.#cancelTick();
    this.#tick();
  }

  setSessionCounters(groups: readonly GroupSnapshot[]): void {
    if (this.#state !== 'stopped') this.#outbox.count(this.#byteSums.changed(groups));
  }

  async start(): Promise<void> {
    await this.open();
    this.#state = 'running';
    for (const receiver of this.#ready) this.#lanes.wake(receiver);
    this.#append({ kind: 'server_start', unixMs: this.#deps.clock.unixMs() });
    if (this.#serverStart === null) this.#updates.release();
    const early = this.#early;
    this.#early = [];
    for (const fact of early) this.#append(fact);
    this.#tick();
  }

  record(fact: Fact): void {
    if (fact.kind === 'server_start') return;
    if (this.#state === 'running') this.#append(fact);
    else if (this.#state === 'new' && this.#early.length < MAX_EARLY_FACTS) this.#early.push(fact);
    else this.#drop(fact.kind);
  }

  update(groups: readonly GroupSnapshot[]): void {
    const body = updateBody(this.#options.serverId, groups);
    this.#deps.onEvent?.({ event: 'on_update', streamName: null, body });
    this.#updates.offer(JSON.stringify(body));
  }

  async stop(deadlineMs: number): Promise<{ readonly undelivered: number; readonly isKept: boolean }> {
    this.#cancelTick();
    this.#updates.stop();
    const isKept = (): boolean => this.#outbox.keeping.in === 'database';
    if (this.#state === 'running') await this.#lanes.drain(deadlineMs, isKept());
    this.#state = 'stopped';
    this.#lanes.stop();
    await this.#delivery.close();
    this.counter.stop();
    await this.#outbox.close();
    return { undelivered: this.#outbox.waiting + this.#early.length, isKept: isKept() };
  }

  status(): NotifyStatus {
    const { inFlight, delivered, failedAttempts, refused, expired } = this.#lanes.counters;
    const { keeping } = this.#outbox;
    return {
      backlog: this.#outbox.waiting + this.#early.length,
      inFlight,
      delivered,
      failed: failedAttempts,
      refused,
      expired,
      dropped: this.#dropped,
      inMemory: keeping.in === 'database' ? null : keeping.why,
      lastSeq: this.#outbox.lastSeq,
      updates: { ...this.#updates.counters },
    };
  }

  /** Once at start and every `updateIntervalSec`: on_update. */
  #tick(): void {
    const isWanted = this.#targets.has('on_update') || this.#deps.onEvent !== undefined;
    if (!isWanted || this.#options.updateIntervalSec <= 0) return;
    this.update(this.#deps.groups());
    this.#cancelTick = this.#timers.after(this.#options.updateIntervalSec * 1000, () => this.#tick());
  }

  #append(fact: Fact): void {
    const message = messageOf(fact, this.#options.serverId, this.#deps.lalInfo);
    if (message !== null) this.#deps.onEvent?.(message);
    const target = message === null ? undefined : this.#targets.get(message.event);
    const change = openChangeOf(fact);
    if (message === null || target === undefined) {
      if (change !== null) this.#outbox.note(change);
      return;
    }
    const sessionId = sessionOf(fact);
    const seq = this.#outbox.append(
      {
        event: message.event,
        streamName: message.streamName,
        body: JSON.stringify(message.body),
        ...target,
        lane: laneOf(message.streamName, sessionId),
        after: this.#after(sessionId, target.receiver),
        sessionId,
        reason: fact.kind === 'session_stop' ? fact.reason : null,
        unixMs: fact.unixMs,
      },
      change,
    );
    if (seq === null) this.#drop(message.event);
    else if (fact.kind === 'server_start') this.#serverStart = { seq, receiver: target.receiver };
    else if (fact.kind === 'rtmp_connect') this.#connected(fact.sessionId, { seq, receiver: target.receiver });
    else if (fact.kind === 'session_stop') this.#connects.delete(fact.session.sessionId);
  }

  #connected(sessionId: string, connect: { seq: number; receiver: string }): void {
    this.#connects.set(sessionId, connect);
    if (this.#connects.size <= MAX_CONNECTS) return;
    const [oldest] = this.#connects.keys();
    if (oldest !== undefined) this.#connects.delete(oldest);
  }

  /**
   * What the receiver must have heard first. A receiver never waits for another one, so that one that is dead holds up
   * nobody else; on_rtmp_connect waits for on_server_start itself, so the last of the two is enough.
   */
  #after(sessionId: string | null, receiver: string): number | null {
    const connect = sessionId === null ? undefined : this.#connects.get(sessionId);
    if (connect?.receiver === receiver) return connect.seq;
    return this.#serverStart?.receiver === receiver ? this.#serverStart.seq : null;
  }

  #tried(event: WaitingEvent, settlement: Settlement, reached: boolean): void {
    if (settlement.kind !== 'retry') {
      if (event.event === 'on_rtmp_connect' && event.sessionId !== null) this.#connects.delete(event.sessionId);
      if (event.seq === this.#serverStart?.seq) this.#serverStarted();
      return;
    }
    if (event.event !== 'on_server_start' || !reached || event.attempts + 1 < SERVER_START_TRIES) return;
    this.#outbox.release(event.seq);
    // It may be that of an earlier process: then this one's waits behind it.
    if (this.#serverStart?.receiver !== event.receiver) return;
    if (this.#serverStart.seq !== event.seq) this.#outbox.release(this.#serverStart.seq);
    this.#serverStarted();
  }

  #serverStarted(): void {
    this.#serverStart = null;
    this.#updates.release();
  }

  #drop(what: string): void {
    this.#dropped++;
    this.#complaints.about('dropped', (times) =>
      this.#deps.log.error(
        { what, times, dropped: this.#dropped, backlog: this.#outbox.waiting },
        'callback lost: too many wait for delivery',
      ),
    );
  }
}

/** One connection more than the lanes need, so that on_update never waits for a lane. */
function deliveryOptions({ concurrency, timeoutMs }: NotifyOptions): { connections: number; timeoutMs: number } {
  return { connections: concurrency + 1, timeoutMs };
}

function sessionOf(fact: Fact): string | null {
  switch (fact.kind) {
    case 'server_start':
    case 'hls_make_ts':
    case 'record_start':
    case 'record_stop':
      return null;
    case 'rtmp_connect':
      return fact.sessionId;
    case 'session_start':
    case 'session_stop':
      return fact.session.sessionId;
  }
}

/** One lane a stream; what belongs to no stream yet has a lane of its own. */
function laneOf(streamName: string | null, sessionId: string | null): string {
  if (streamName !== null) return `stream ${streamName}`;
  return sessionId === null ? 'server' : `session ${sessionId}`;
}
