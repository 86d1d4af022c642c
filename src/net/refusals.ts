/** What bounds turned away: counted over all threads, and named in the log once in a while. */
import type { Clock, Log } from '../streams/index.ts';
import { Complaints } from './complaints.ts';

/** All that is counted, as the metric's label says it: keys of `millrace.limits`, and bounds that have no key. */
const LIMITS = [
  'max_connections',
  'max_connections_per_address',
  'max_requests_per_sec_per_address',
  'max_api_connections',
  'min_read_bytes_per_sec',
  'max_groups',
  'max_subscribers_per_group',
  'max_udp_sockets',
  'max_udp_sockets_per_address',
  'max_gb28181_ports',
  'profile_connections',
  'descriptors',
  'foreign_packets',
  'hls_sessions',
  'hls_waiting',
  'hls_memory',
] as const;
export type LimitName = (typeof LIMITS)[number];

export interface RefusalsDeps {
  readonly log: Log;
  readonly clock: Clock;
}

export class Refusals {
  readonly #counts: BigInt64Array;
  readonly #log: Log;
  readonly #complaints: Complaints;

  /** @param memory the same for all threads */
  constructor(memory: SharedArrayBuffer, { log, clock }: RefusalsDeps) {
    this.#counts = new BigInt64Array(memory);
    this.#log = log;
    this.#complaints = new Complaints(clock);
  }

  static memory(): SharedArrayBuffer {
    return new SharedArrayBuffer(LIMITS.length * BigInt64Array.BYTES_PER_ELEMENT);
  }

  /**
   * The bound was reached, and somebody or something turned away.
   * @param peer `ADDRESS:PORT` or as much of it as is known
   * @param sentence what was turned away and why, as the peer is told it
   */
  refused(limit: LimitName, peer: string, sentence: string): void {
    Atomics.add(this.#counts, LIMITS.indexOf(limit), 1n);
    this.#complaints.about(limit, (times) => this.#log.warn({ limit, peer, times }, sentence));
  }

  /** Since the server began, over all threads. */
  counts(): [limit: LimitName, count: number][] {
    return LIMITS.map((limit, i) => [limit, Number(Atomics.load(this.#counts, i))]);
  }
}
