/** What the receiver of a soak wrote down, held against what the server kept, what it counted, and what its guests saw. */
import type { Delivery } from '../../test/chaos/receiver.ts';
import type { Guest } from './guests.ts';

/** An event as `/api/notify/events` has it. */
export interface KeptEvent {
  readonly seq: number;
  readonly id: string;
  readonly event: string;
  readonly state: string;
  readonly body: string;
}

export interface Book {
  /** Deliveries that were answered with 200, in their order. */
  readonly accepted: readonly Delivery[];
  readonly kept: readonly KeptEvent[];
  readonly guests: ReadonlyMap<string, Guest>;
}

/** Of all sessions of one protocol and kind, as their stops tell. */
export interface Totals {
  sessions: number;
  readBytes: number;
  wroteBytes: number;
}

export interface Verdict {
  /** A sentence each. */
  readonly faults: readonly string[];
  /** Events, each counted once. */
  readonly events: number;
  /** Deliveries of what had been accepted before: the answer was lost. */
  readonly repeated: number;
  /** Starts of sessions. */
  readonly sessions: number;
  /** By protocol and kind: `RTMP PUB`. */
  readonly totals: ReadonlyMap<string, Totals>;
}

interface Body {
  readonly session_id?: string;
  readonly stream_name?: string;
  readonly protocol?: string;
  readonly base_type?: string;
  readonly remote_addr?: string;
  readonly url?: string;
  readonly url_param?: string;
  readonly path?: string;
  readonly has_in_session?: boolean;
  readonly has_out_session?: boolean;
  readonly read_bytes_sum?: number;
  readonly wrote_bytes_sum?: number;
}

interface Told {
  readonly start: Body;
  isOver: boolean;
}

interface ToldStream {
  lastSeq: number;
  source: string | null;
  readonly players: Set<string>;
}

/** What a session's start and stop must agree on. */
const SAME = ['stream_name', 'protocol', 'base_type', 'remote_addr', 'url', 'url_param'] as const;
const SESSION = /^on_(?:pub|sub|relay_pull)_(start|stop)$/;
const RECORD = /^on_record_(start|stop)$/;
/** Not kept and not numbered: each stands for all that were before. */
const SNAPSHOT = 'on_update';

export function judge(book: Book): Verdict {
  return new Judge(book).verdict();
}

class Judge {
  readonly #book: Book;
  readonly #faults: string[] = [];
  readonly #firsts = new Map<string, Delivery>();
  readonly #told = new Map<string, Told>();
  readonly #streams = new Map<string, ToldStream>();
  readonly #records = new Set<string>();
  readonly #totals = new Map<string, Totals>();
  /** Starts by the token of who came. */
  readonly #arrivals = new Map<string, Body[]>();

  constructor(book: Book) {
    this.#book = book;
  }

  verdict(): Verdict {
    let repeated = 0;
    for (const delivery of this.#book.accepted) {
      if (delivery.event === SNAPSHOT) continue;
      const first = this.#firsts.get(delivery.id);
      if (first === undefined) this.#onFirst(delivery);
      else {
        repeated++;
        if (first.body !== delivery.body || first.seq !== delivery.seq) this.#fault(delivery, 'came again as another');
      }
    }
    for (const [id, { isOver }] of this.#told) if (!isOver) this.#faults.push(`${id} started and never stopped`);
    for (const path of this.#records) this.#faults.push(`the record ${path} began and never ended`);
    this.#checkKept();
    this.#checkGuests();
    const faults = this.#faults;
    return { faults, events: this.#firsts.size, repeated, sessions: this.#told.size, totals: this.#totals };
  }

  #onFirst(delivery: Delivery): void {
    this.#firsts.set(delivery.id, delivery);
    const body = JSON.parse(delivery.body) as Body;
    if (delivery.streamSeq !== null) {
      const stream = this.#stream(body);
      if (delivery.streamSeq !== stream.lastSeq + 1) this.#fault(delivery, `came after number ${stream.lastSeq}`);
      stream.lastSeq = delivery.streamSeq;
    }
    const [, session] = SESSION.exec(delivery.event) ?? [];
    if (session === 'start') this.#onStart(delivery, body);
    if (session === 'stop') this.#onStop(delivery, body);
    const [, record] = RECORD.exec(delivery.event) ?? [];
    const path = body.path ?? '';
    if (record === 'start' && this.#records.has(path)) this.#fault(delivery, `${path} is being written already`);
    if (record === 'start') this.#records.add(path);
    if (record === 'stop' && !this.#records.delete(path)) this.#fault(delivery, `${path} is not being written`);
  }

  #onStart(delivery: Delivery, body: Body): void {
    const id = body.session_id ?? '';
    if (this.#told.has(id)) this.#fault(delivery, `${id} started before`);
    this.#told.set(id, { start: body, isOver: false });
    const token = tokenOf(body);
    // a pull bears the token of whom it is for, where that is in its URL
    if (token !== null && body.base_type !== 'PULL') {
      this.#arrivals.set(token, [...(this.#arrivals.get(token) ?? []), body]);
    }
    const stream = this.#stream(body);
    if (body.base_type === 'SUB') stream.players.add(id);
    else if (stream.source === null) stream.source = id;
    else this.#fault(delivery, `${id} publishes, and so does ${stream.source}`);
    this.#checkState(delivery, body);
  }

  #onStop(delivery: Delivery, body: Body): void {
    const id = body.session_id ?? '';
    const told = this.#told.get(id);
    const totals = this.#totalsOf(body);
    if (told === undefined) {
      // a pull that never began is told of by its end alone
      if (body.base_type !== 'PULL') this.#fault(delivery, `${id} stopped without a start`);
      this.#told.set(id, { start: body, isOver: true });
      return;
    }
    if (told.isOver) this.#fault(delivery, `${id} stopped before`);
    told.isOver = true;
    totals.sessions++;
    totals.readBytes += body.read_bytes_sum ?? 0;
    totals.wroteBytes += body.wrote_bytes_sum ?? 0;
    const stream = this.#stream(body);
    stream.players.delete(id);
    if (stream.source === id) stream.source = null;
    for (const key of SAME) {
      // who sends to a GB28181 port is known from its first packet on
      const isFirstPacket = key === 'remote_addr' && body.protocol === 'PS' && told.start[key] === '';
      if (told.start[key] !== body[key] && !isFirstPacket)
        this.#fault(delivery, `${key} was ${told.start[key]} at the start`);
    }
    for (const key of ['read_bytes_sum', 'wrote_bytes_sum'] as const) {
      if ((body[key] ?? -1) < (told.start[key] ?? 0))
        this.#fault(delivery, `${key} was ${told.start[key]} at the start`);
    }
    const received = this.#book.guests.get(tokenOf(body) ?? '')?.received ?? 0;
    if (body.protocol !== 'HLS' && (body.wrote_bytes_sum ?? 0) < received) {
      this.#fault(delivery, `${received} bytes of it were seen to come`);
    }
    if (delivery.reason === null) this.#fault(delivery, 'has no reason');
    this.#checkState(delivery, body);
  }

  #checkState(delivery: Delivery, body: Body): void {
    const { source, players } = this.#stream(body);
    const [hasIn, hasOut] = [source !== null, players.size > 0];
    if (body.has_in_session === hasIn && body.has_out_session === hasOut) return;
    this.#fault(delivery, `by the events so far, has_in_session is ${hasIn}, has_out_session is ${hasOut}`);
  }

  /** The server's own list and the receiver's book are the same. */
  #checkKept(): void {
    const unkept = new Set(this.#firsts.keys());
    for (const { seq, id, event, state, body } of this.#book.kept) {
      unkept.delete(id);
      const delivery = this.#firsts.get(id);
      if (state !== 'delivered') this.#faults.push(`${event} ${seq} is ${state}`);
      else if (delivery === undefined) this.#faults.push(`${event} ${seq} is delivered, and never came`);
      else if (delivery.body !== body || delivery.seq !== seq) this.#fault(delivery, 'is kept as another');
    }
    for (const id of unkept) this.#faults.push(`${id} came, and the server knows nothing of it`);
  }

  #checkGuests(): void {
    for (const { token, fate, baseType, received } of this.#book.guests.values()) {
      const starts = this.#arrivals.get(token) ?? [];
      const wrong = starts.find(({ base_type }) => base_type !== baseType);
      if (wrong !== undefined) this.#faults.push(`${token} came as ${baseType} and was told of as ${wrong.base_type}`);
      if (fate === 'refused' && starts.length > 0) this.#faults.push(`${token} was to be refused, and was let in`);
      if (fate === 'in' && starts.length === 0)
        this.#faults.push(`${token} had ${received} bytes, and was never told of`);
      // each playlist that a viewer asks for without a session begins one
      const isViewer = starts.every(({ protocol }) => protocol === 'HLS');
      if (starts.length > 1 && !isViewer)
        this.#faults.push(`${token} came once and was told of ${starts.length} times: ${JSON.stringify(starts)}`);
    }
  }

  #stream({ stream_name = '' }: Body): ToldStream {
    let stream = this.#streams.get(stream_name);
    if (stream === undefined) {
      stream = { lastSeq: 0, source: null, players: new Set() };
      this.#streams.set(stream_name, stream);
    }
    return stream;
  }

  #totalsOf({ protocol, base_type }: Body): Totals {
    const key = `${protocol} ${base_type}`;
    let totals = this.#totals.get(key);
    if (totals === undefined) {
      totals = { sessions: 0, readBytes: 0, wroteBytes: 0 };
      this.#totals.set(key, totals);
    }
    return totals;
  }

  #fault({ event, seq, body }: Delivery, text: string): void {
    this.#faults.push(`${event} ${seq}: ${text}: ${body}`);
  }
}

function tokenOf({ url_param = '' }: Body): string | null {
  return new URLSearchParams(url_param).get('n');
}
