/** The list of hosts that this server may connect to: what an entry can say, and what each lets through. */
import { BlockList, isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { withoutZone } from './address.ts';

/** What an entry can be, for messages. */
export const HOST_ENTRY = 'a string HOST, *.DOMAIN, ADDRESS or ADDRESS/BITS, each with or without :PORT';

interface Entry {
  /** Null: every port. */
  readonly port: number | null;
  readonly hosts:
    | { readonly kind: 'name'; readonly name: string }
    /** Names that end so; begins with a dot. */
    | { readonly kind: 'ending'; readonly ending: string }
    | { readonly kind: 'addresses'; readonly list: BlockList };
}

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** Whatever of ASCII is no letter, digit, dot, hyphen or underscore. */
const NO_NAME = /[\0-,/:-@[-^`{-\x7f]/;
const MAX_NAME_LENGTH = 253;

/** Whether an entry can be read. */
export function isHostEntry(text: string): boolean {
  return parseEntry(text) !== null;
}

export class HostList {
  readonly #entries: readonly Entry[];

  /** Throws an Error that names the entry that cannot be read. */
  constructor(entries: readonly string[]) {
    this.#entries = entries.map((text) => {
      const entry = parseEntry(text);
      if (entry === null) throw new Error(`found ${JSON.stringify(text)}, allowed: ${HOST_ENTRY}`);
      return entry;
    });
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** Whether the list has this name itself, so that its addresses need not be looked at. */
  hasName(host: string, port: number): boolean {
    const name = canonicalName(host);
    return this.#some(port, ({ hosts }) =>
      hosts.kind === 'name' ? hosts.name === name : hosts.kind === 'ending' && name.endsWith(hosts.ending),
    );
  }

  /** @param address IPv4 or IPv6, without brackets */
  hasAddress(address: string, port: number): boolean {
    const bare = withoutZone(address);
    const family = isIP(bare) === 6 ? 'ipv6' : 'ipv4';
    return this.#some(port, ({ hosts }) => hosts.kind === 'addresses' && hosts.list.check(bare, family));
  }

  /** Whether a name that is not in the list can have an address that is. */
  hasAddresses(port: number): boolean {
    return this.#some(port, ({ hosts }) => hosts.kind === 'addresses');
  }

  #some(port: number, matches: (entry: Entry) => boolean): boolean {
    return this.#entries.some((entry) => (entry.port === null || entry.port === port) && matches(entry));
  }
}

function parseEntry(text: string): Entry | null {
  // an IPv6 address needs brackets only where a port follows
  if (isIP(text.replace(/\/\d+$/, '')) === 6) return entryOf(text, null);
  const [, bracketed, plain = '', digits] = /^(?:\[([\da-f:./]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const port = digits === undefined ? null : Number(digits);
  if (port !== null && (port < 1 || port > 65_535)) return null;
  if (bracketed !== undefined && isIP(bracketed.replace(/\/\d+$/, '')) !== 6) return null;
  return entryOf(bracketed ?? plain, port);
}

function entryOf(host: string, port: number | null): Entry | null {
  const [, address = '', bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(host) ?? [];
  const version = isIP(address);
  if (version !== 0) {
    const all = version === 4 ? 32 : 128;
    const prefix = bits === undefined ? all : Number(bits);
    if (prefix > all) return null;
    const list = new BlockList();
    list.addSubnet(address, prefix, version === 4 ? 'ipv4' : 'ipv6');
    return { port, hosts: { kind: 'addresses', list } };
  }
  const isEnding = host.startsWith('*.');
  const name = canonicalName(isEnding ? host.slice(2) : host);
  if (!isName(name)) return null;
  return { port, hosts: isEnding ? { kind: 'ending', ending: `.${name}` } : { kind: 'name', name } };
}

/** Small letters, Punycode, no dot at the end; empty where it is no name, of which the conversion would take a part for the whole. */
function canonicalName(host: string): string {
  return NO_NAME.test(host) ? '' : domainToASCII(host).replace(/\.$/, '');
}

/** A last label of digits is an address that was cut short (`10.0.0`), not a name. */
function isName(name: string): boolean {
  const labels = name.split('.');
  return (
    name.length <= MAX_NAME_LENGTH && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '')
  );
}
