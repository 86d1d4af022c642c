/** The bounds that hold for all peers of a server, whichever thread they come to; their values can be replaced while it runs. */
import { Allowance, type AllowanceBounds, type AllowanceKind } from './allowance.ts';
import { DescriptorWatch } from './descriptors.ts';
import { Refusals, type RefusalsDeps } from './refusals.ts';
import { RequestRate, type RequestRateMemory } from './request-rate.ts';
import { SlowReaders } from './slow-readers.ts';
import { Tally } from './tally.ts';

/** What is counted and bounded. */
const KINDS = {
  connections: { things: 'connections', all: 'max_connections', perAddress: 'max_connections_per_address' },
  apiConnections: { things: 'connections to the API', all: 'max_api_connections', perAddress: null },
  udpSockets: { things: 'UDP sockets', all: 'max_udp_sockets', perAddress: 'max_udp_sockets_per_address' },
  gb28181Ports: { things: 'ports of GB28181 publishers', all: 'max_gb28181_ports', perAddress: null },
} as const satisfies Record<string, AllowanceKind>;
type Kind = keyof typeof KINDS;

/** Connections to the port for profiles, which one thread has: so many at a time, for nobody needs more. */
const PROFILE_CONNECTIONS = 32;
const PROFILES: AllowanceKind = { things: 'connections for profiles', all: 'profile_connections', perAddress: null };

/** Plain data, so that another thread can be given it. */
export interface PeerLimitOptions extends Readonly<Record<Kind, AllowanceBounds>> {
  /** What a client must take of an answer over HTTP, on average; 0: anything. */
  readonly minReadBytesPerSec: number;
  /** What one address may ask over HTTP in a second; 0: anything. */
  readonly maxRequestsPerSec: number;
}

/** What the threads count in. Goes to a thread with its start, not in messages. */
export interface PeerLimitMemory extends Readonly<Record<Kind, SharedArrayBuffer>> {
  readonly refused: SharedArrayBuffer;
  readonly requests: RequestRateMemory;
}

export class PeerLimits {
  readonly refusals: Refusals;
  readonly connections: Allowance;
  readonly apiConnections: Allowance;
  readonly profileConnections: Allowance;
  readonly udpSockets: Allowance;
  readonly gb28181Ports: Allowance;
  readonly requests: RequestRate;
  readonly slowReaders: SlowReaders;
  readonly descriptors: DescriptorWatch;
  #minReadBytesPerSec: number;
  #maxRequestsPerSec: number;

  /** @param thread the place of this thread, from 0 */
  constructor(options: PeerLimitOptions, memory: PeerLimitMemory, thread: number, deps: RefusalsDeps) {
    const refusals = new Refusals(memory.refused, deps);
    const allowance = (kind: Kind): Allowance =>
      new Allowance(KINDS[kind], options[kind], new Tally(memory[kind], thread), refusals);
    this.refusals = refusals;
    this.connections = allowance('connections');
    this.apiConnections = allowance('apiConnections');
    const profileBounds = { all: PROFILE_CONNECTIONS, perAddress: 0 };
    this.profileConnections = new Allowance(PROFILES, profileBounds, new Tally(Tally.memory(1), 0), refusals);
    this.udpSockets = allowance('udpSockets');
    this.gb28181Ports = allowance('gb28181Ports');
    this.#minReadBytesPerSec = options.minReadBytesPerSec;
    this.#maxRequestsPerSec = options.maxRequestsPerSec;
    this.requests = new RequestRate(memory.requests, () => this.#maxRequestsPerSec, refusals, deps.clock);
    this.descriptors = new DescriptorWatch(refusals);
    this.slowReaders = new SlowReaders(() => this.#minReadBytesPerSec, refusals);
  }

  static memory(threads: number): PeerLimitMemory {
    const tally = (): SharedArrayBuffer => Tally.memory(threads);
    return {
      ...{ connections: tally(), apiConnections: tally(), udpSockets: tally(), gb28181Ports: tally() },
      refused: Refusals.memory(),
      requests: RequestRate.memory(),
    };
  }

  /** The thread is gone, and with it all that its peers had open. */
  static clear(memory: PeerLimitMemory, thread: number): void {
    Tally.clear(memory.connections, thread);
    Tally.clear(memory.udpSockets, thread);
  }

  /** For those who come from now on. */
  update(options: PeerLimitOptions): void {
    this.connections.update(options.connections);
    this.apiConnections.update(options.apiConnections);
    this.udpSockets.update(options.udpSockets);
    this.gb28181Ports.update(options.gb28181Ports);
    this.#minReadBytesPerSec = options.minReadBytesPerSec;
    this.#maxRequestsPerSec = options.maxRequestsPerSec;
  }
}
