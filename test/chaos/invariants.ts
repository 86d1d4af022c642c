/** What must hold of everything that a receiver was sent, whatever happened to the server and to the receiver. */
import type { ClientSession } from './crowd.ts';
import type { History } from './history.ts';
import type { Delivery } from './receiver.ts';

export type FaultKind =
  /** Committed, or promised to a client of a server that stopped in order, and never delivered. */
  | 'lost'
  /** One id with two bodies or numbers, or one number with two ids. */
  | 'changed'
  /** No client did what it tells of. */
  | 'invented'
  /** First deliveries of a stream not by 1, 2, 3, …; or a session's events in the wrong order. */
  | 'out of order'
  | 'start without stop'
  | 'stop without start'
  /** One id for two sessions. */
  | 'id used twice'
  /** Counters that went back, a reason or a state of the stream that cannot be. */
  | 'untrue';

export interface Fault {
  readonly kind: FaultKind;
  readonly text: string;
}

export interface Verdict {
  readonly faults: readonly Fault[];
  /** Events, each counted once. */
  readonly events: number;
  /** Deliveries of an event that had been delivered before: allowed, but to be few. */
  readonly repeated: number;
}

/** The fields that are looked at; of on_rtmp_connect only the first and `flashVer`. */
interface Body {
  readonly session_id?: string;
  readonly stream_name?: string;
  readonly protocol?: string;
  readonly base_type?: string;
  readonly url_param?: string;
  readonly flashVer?: string;
  readonly has_in_session?: boolean;
  readonly has_out_session?: boolean;
  readonly read_bytes_sum?: number;
  readonly wrote_bytes_sum?: number;
}

/** A session as its events tell of it. */
interface Told {
  readonly session: ClientSession;
  readonly start: Body;
  stopped: boolean;
}

/** A stream as its events tell of it. */
interface ToldStream {
  lastSeq: number;
  lastLife: number;
  publisher: string | null;
  readonly players: Set<string>;
}

/** Judges a history whose last server was stopped in order, with a receiver that took everything. */
export function judge(history: History): Verdict {
  return new Judge(history).verdict();
}

class Judge {
  readonly #history: History;
  readonly #faults: Fault[] = [];
  readonly #firsts = new Map<string, Delivery>();
  readonly #idBySeq = new Map<number, string>();
  readonly #tokenBySessionId = new Map<string, string>();
  readonly #connected = new Set<string>();
  readonly #told = new Map<string, Told>();
  readonly #streams = new Map<string, ToldStream>();

  constructor(history: History) {
    this.#history = history;
  }

  verdict(): Verdict {
    const { deliveries } = this.#history;
    for (const delivery of deliveries) {
      const first = this.#firsts.get(delivery.id);
      if (first === undefined) this.#onFirst(delivery);
      else this.#onRepeated(delivery, first);
    }
    this.#checkEnds();
    this.#checkCommitted();
    this.#checkPromised();
    this.#checkLoggedIds();
    return { faults: this.#faults, events: this.#firsts.size, repeated: deliveries.length - this.#firsts.size };
  }

  #onFirst(delivery: Delivery): void {
    const { id, seq } = delivery;
    this.#firsts.set(id, delivery);
    const other = this.#idBySeq.get(seq);
    if (id === '' || other !== undefined)
      this.#fault('changed', `${name(delivery)} has the id "${id}", before: ${other}`);
    this.#idBySeq.set(seq, id);
    if (delivery.event === 'on_server_start') return;
    const body = JSON.parse(delivery.body) as Body;
    const session = this.#sessionOf(delivery, body);
    if (session === null) return;
    if (delivery.event === 'on_rtmp_connect') this.#connected.add(session.token);
    else this.#onSessionEvent(delivery, body, session);
  }

  #onRepeated(delivery: Delivery, first: Delivery): void {
    for (const key of ['event', 'seq', 'streamSeq', 'reason', 'body'] as const) {
      if (delivery[key] === first[key]) continue;
      this.#fault('changed', `${name(delivery)}: ${key} was ${first[key]}, came again as ${delivery[key]}`);
    }
  }

  /** Whose event it is; null where nobody's. */
  #sessionOf(delivery: Delivery, body: Body): ClientSession | null {
    const token = (delivery.event === 'on_rtmp_connect' ? body.flashVer : body.url_param)?.slice('n='.length) ?? '';
    const session = this.#history.sessions.get(token);
    const isTrue =
      session !== undefined &&
      session.life <= delivery.life &&
      (delivery.event === 'on_rtmp_connect'
        ? session.protocol === 'RTMP'
        : delivery.event.startsWith(`on_${session.baseType.toLowerCase()}_`) &&
          body.base_type === session.baseType &&
          body.protocol === session.protocol &&
          body.stream_name === session.stream);
    if (!isTrue) {
      this.#fault('invented', `${name(delivery)}: ${delivery.body}`);
      return null;
    }
    const sessionId = body.session_id ?? '';
    const known = this.#tokenBySessionId.get(sessionId);
    if (known !== undefined && known !== token) {
      this.#fault('id used twice', `${name(delivery)}: ${sessionId} is ${token}'s, and was ${known}'s`);
    }
    this.#tokenBySessionId.set(sessionId, token);
    return session;
  }

  #onSessionEvent(delivery: Delivery, body: Body, session: ClientSession): void {
    const stream = this.#stream(session.stream);
    if (delivery.streamSeq !== stream.lastSeq + 1) {
      this.#fault('out of order', `${name(delivery)}: number ${delivery.streamSeq} after ${stream.lastSeq}`);
    }
    stream.lastSeq = delivery.streamSeq ?? stream.lastSeq;
    if (session.life < stream.lastLife) {
      this.#fault('out of order', `${name(delivery)} of life ${session.life} after one of life ${stream.lastLife}`);
    }
    stream.lastLife = Math.max(stream.lastLife, session.life);
    if (delivery.event.endsWith('_start')) this.#onStart(delivery, body, session, stream);
    else this.#onStop(delivery, body, session, stream);
  }

  #onStart(delivery: Delivery, start: Body, session: ClientSession, stream: ToldStream): void {
    const { token } = session;
    if (session.protocol === 'RTMP' && !this.#connected.has(token)) {
      this.#fault('out of order', `${name(delivery)} of ${token} before its on_rtmp_connect`);
    }
    if (this.#told.has(token)) this.#fault('changed', `${name(delivery)}: ${token} starts a second time`);
    this.#told.set(token, { session, start, stopped: false });
    if (delivery.reason !== null) this.#fault('untrue', `${name(delivery)} has the reason "${delivery.reason}"`);
    if (session.baseType === 'SUB') stream.players.add(token);
    else if (stream.publisher === null) stream.publisher = token;
    else this.#fault('out of order', `${name(delivery)} of ${token} while ${stream.publisher} publishes`);
    this.#checkState(delivery, start, stream);
  }

  #onStop(delivery: Delivery, body: Body, session: ClientSession, stream: ToldStream): void {
    const { token } = session;
    const told = this.#told.get(token);
    if (told === undefined || told.stopped) {
      const what = told === undefined ? 'before its start' : 'a second time';
      this.#fault('stop without start', `${name(delivery)} of ${token} ${what}`);
      return;
    }
    told.stopped = true;
    stream.players.delete(token);
    if (stream.publisher === token) stream.publisher = null;
    for (const sum of ['read_bytes_sum', 'wrote_bytes_sum'] as const) {
      const [before = 0, now = -1] = [told.start[sum], body[sum]];
      if (now < before) this.#fault('untrue', `${name(delivery)} of ${token}: ${sum} ${now}, at its start ${before}`);
    }
    const isCrash = delivery.reason === 'server crashed';
    if (delivery.reason === null || (isCrash && this.#history.lives[session.life]?.end !== 'killed')) {
      this.#fault('untrue', `${name(delivery)} of ${token}, life ${session.life}: the reason "${delivery.reason}"`);
    }
    // after a crash all of a stream's sessions are gone at once, so how many are left is a matter of taste
    const isLast = stream.players.size === 0 && stream.publisher === null;
    if (!isCrash || isLast) this.#checkState(delivery, body, stream);
  }

  #checkState(delivery: Delivery, body: Body, stream: ToldStream): void {
    const [hasIn, hasOut] = [stream.publisher !== null, stream.players.size > 0];
    if (body.has_in_session === hasIn && body.has_out_session === hasOut) return;
    const said = `in ${body.has_in_session}, out ${body.has_out_session}`;
    this.#fault('untrue', `${name(delivery)} says ${said}; by the events before it: in ${hasIn}, out ${hasOut}`);
  }

  #checkEnds(): void {
    for (const [token, { stopped, start }] of this.#told) {
      if (!stopped) this.#fault('start without stop', `${token}: ${start.session_id} of ${start.stream_name}`);
    }
  }

  #checkCommitted(): void {
    for (const { seq, id, body } of this.#history.committed) {
      const delivery = this.#firsts.get(id);
      if (delivery === undefined) this.#fault('lost', `committed, never delivered: ${seq} ${id} ${body}`);
      else if (delivery.seq !== seq || delivery.body !== body) {
        this.#fault('changed', `${name(delivery)} was committed as ${seq} with the body ${body}`);
      }
    }
  }

  /** A server that stopped in order has told of everybody whom it let in. */
  #checkPromised(): void {
    for (const { token, life, accepted } of this.#history.sessions.values()) {
      if (!accepted || this.#history.lives[life]?.end !== 'stopped') continue;
      if (!this.#told.has(token)) this.#fault('lost', `${token} was let in, and nothing was ever told of it`);
    }
  }

  #checkLoggedIds(): void {
    const lifeOf = new Map<string, number>();
    for (const [life, { sessionIds }] of this.#history.lives.entries()) {
      for (const id of sessionIds) {
        const before = lifeOf.get(id);
        if (before !== undefined) this.#fault('id used twice', `the logs of lives ${before} and ${life} name ${id}`);
        lifeOf.set(id, life);
      }
    }
  }

  #stream(streamName: string): ToldStream {
    let stream = this.#streams.get(streamName);
    if (stream === undefined) {
      stream = { lastSeq: 0, lastLife: 0, publisher: null, players: new Set() };
      this.#streams.set(streamName, stream);
    }
    return stream;
  }

  #fault(kind: FaultKind, text: string): void {
    this.#faults.push({ kind, text });
  }
}

function name({ event, seq, streamSeq, life }: Delivery): string {
  return `${event} (seq ${seq}${streamSeq === null ? '' : `, ${streamSeq} of its stream`}, sent in life ${life})`;
}
