/** Addresses as the configuration writes them: `HOST:PORT`, `:PORT` and `[IPV6]:PORT`. */
import { isIPv6 } from 'node:net';
import type { ListenAddress } from '../net/index.ts';

/** What an address may look like, in the words of the error messages. */
export const ALLOWED_ADDRESS = 'a string HOST:PORT or :PORT';

/** An address of the configuration, read. */
export interface ConfiguredAddress extends ListenAddress {
  /** As the file has it. */
  readonly text: string;
}

const MAX_PORT = 65_535;
const EVERY_HOST = new Set([undefined, '::', '0.0.0.0']);

/** Reads `HOST:PORT`, `:PORT` (every address) or `[IPV6]:PORT`; port 0 is any free port. Null where it is none of these. */
export function parseAddress(text: string): ConfiguredAddress | null {
  const match = /^(?:\[([^[\]]*)\]|([\w.-]*)):(\d{1,5})$/.exec(text);
  if (match === null) return null;
  const [, ipv6, host, digits] = match;
  const port = Number(digits);
  if (port > MAX_PORT || (ipv6 !== undefined && !isIPv6(ipv6))) return null;
  const name = ipv6 ?? host ?? '';
  return name === '' ? { text, port } : { text, host: name, port };
}

/** Whether both name the very same socket, so that one listener can serve both. Port 0 is the same port where the text is. */
export function sameAddress(a: ListenAddress, b: ListenAddress): boolean {
  return a.port === b.port && a.host === b.host;
}

/** Whether one socket would keep the other from being bound, as far as the text shows (host names are not resolved). */
export function addressesCollide(a: ListenAddress, b: ListenAddress): boolean {
  if (a.port !== b.port || a.port === 0) return false;
  if (a.host === b.host) return true;
  // an IPv4 wildcard takes nothing from an IPv6 address; the IPv6 one takes IPv4 as well
  const [wide, narrow] = EVERY_HOST.has(a.host) ? [a, b] : [b, a];
  if (!EVERY_HOST.has(wide.host)) return false;
  return wide.host !== '0.0.0.0' || narrow.host === undefined || narrow.host === '::' || !isIPv6(narrow.host);
}
