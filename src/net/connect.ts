/** Opens connections to other servers, to those only that the operator allows. */
import { isIP, type LookupFunction, connect as netConnect, Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { Agent, buildConnector, Pool } from 'undici';
import { HostList } from './host-list.ts';
import { SOCKET_OPTIONS } from './listen.ts';
import { Resolver } from './resolver.ts';

export interface OutboundOptions {
  /** Hosts that may be connected to (HostList's entries); empty: all. */
  readonly allow: readonly string[];
}

export interface ConnectTarget {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  /** Whether the server's certificate must be one that this machine trusts. */
  readonly verifyTls: boolean;
}

export interface HttpAgentOptions {
  /** Requests at a time to one origin; more wait. */
  readonly connections: number;
  /** Until a connection is there. Milliseconds. */
  readonly connectTimeoutMs: number;
}

/**
 * The way out for all parts. A name that the list has is connected to whatever its addresses are; another name only at those of
 * its addresses that the list has. The addresses that are looked at are the very ones that are connected to.
 */
export class Outbound {
  #hosts: HostList;
  readonly #resolver: Resolver;

  /** Throws an Error where an entry cannot be read. */
  constructor({ allow }: OutboundOptions, resolver = new Resolver()) {
    this.#hosts = new HostList(allow);
    this.#resolver = resolver;
  }

  /** Counts for connections from now on; those that are there stay. Throws an Error where an entry cannot be read. */
  update({ allow }: OutboundOptions): void {
    this.#hosts = new HostList(allow);
  }

  /** Why nothing may be connected to there, as far as that can be said without the name's addresses; null: it may be. */
  problem(host: string, port: number): string | null {
    const hosts = this.#hosts;
    if (hosts.isEmpty) return null;
    const isAllowed =
      isIP(host) === 0 ? hosts.hasName(host, port) || hosts.hasAddresses(port) : hosts.hasAddress(host, port);
    return isAllowed ? null : refusal(host, port);
  }

  /** Connects; `onConnect` once bytes can be sent. What goes wrong, also a refusal, comes as the socket's `error`. */
  connect({ host, port, isTls, verifyTls }: ConnectTarget, onConnect: () => void): Socket {
    const problem = this.problem(host, port);
    if (problem !== null) return new Socket().destroy(new Error(problem));
    const lookup = this.#lookup(port);
    if (!isTls) return netConnect({ host, port, lookup, ...SOCKET_OPTIONS }, onConnect);
    // an address is no name that could be indicated (RFC 6066 3)
    const servername = isIP(host) === 0 ? { servername: host } : {};
    const socket = tlsConnect({ host, port, lookup, rejectUnauthorized: verifyTls, ...servername }, onConnect);
    socket.setNoDelay(SOCKET_OPTIONS.noDelay);
    socket.setKeepAlive(SOCKET_OPTIONS.keepAlive, SOCKET_OPTIONS.keepAliveInitialDelay);
    return socket;
  }

  /** Makes what sends HTTP/1.1 requests over kept connections; redirections are not followed. */
  httpAgent({ connections, connectTimeoutMs }: HttpAgentOptions): Agent {
    return new Agent({
      ...{ connections, pipelining: 1, allowH2: false },
      factory: (origin, options) => {
        const { host, port } = httpTarget(new URL(origin));
        const open = buildConnector({ timeout: connectTimeoutMs, allowH2: false, lookup: this.#lookup(port) });
        const connect: buildConnector.connector = (to, callback) => {
          const problem = this.problem(host, port);
          if (problem === null) open(to, callback);
          else callback(new Error(problem), null);
        };
        return new Pool(origin, { ...options, connect });
      },
    });
  }

  /** What a socket asks for a name's addresses: it connects to those that it is given and no others. */
  #lookup(port: number): LookupFunction {
    return (name, { all }, callback) => {
      this.#resolver.resolve(name).then(
        (found) => {
          const hosts = this.#hosts;
          const isListed = hosts.isEmpty || hosts.hasName(name, port);
          const allowed = isListed ? found : found.filter(({ address }) => hosts.hasAddress(address, port));
          const [first] = allowed;
          if (first === undefined) callback(new Error(refusal(name, port, found)), []);
          else if (all === true) callback(null, [...allowed]);
          else callback(null, first.address, first.family);
        },
        (error: Error) => callback(error, []),
      );
    };
  }
}

/** Where a URL of HTTP leads to: the host without brackets. */
export function httpTarget({ hostname, port, protocol }: URL): { readonly host: string; readonly port: number } {
  const fallback = protocol === 'https:' ? 443 : 80;
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? fallback : Number(port) };
}

function refusal(host: string, port: number, addresses: readonly { readonly address: string }[] = []): string {
  const found = addresses.length === 0 ? '' : ` (${addresses.map(({ address }) => address).join(', ')})`;
  const where = host.includes(':') ? `[${host}]` : host;
  return `not allowed to connect to ${where}:${port}${found}: millrace.outbound.allow has no such host`;
}
