/** The URLs of other servers that streams are pulled from and pushed to. */
import { parseStreamPath } from './stream-path.ts';

/** What a URL names, read for the protocol that goes there. */
export interface MediaUrl {
  /** As it was given, without user and password. */
  readonly url: string;
  readonly scheme: MediaScheme;
  /** IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** Empty where there are none. */
  readonly username: string;
  readonly password: string;
  /** From the first slash on, as it came, without the query. */
  readonly path: string;
  /** What stands behind `?`; empty where nothing does. */
  readonly query: string;
  readonly appName: string;
  readonly streamName: string;
}

const DEFAULT_PORTS = { rtmp: 1935, rtmps: 443, rtsp: 554, rtsps: 322 } as const;
export type MediaScheme = keyof typeof DEFAULT_PORTS;

const MAX_URL_LENGTH = 8192;
const SCHEMES = Object.keys(DEFAULT_PORTS).map((scheme) => `${scheme}://`);

/**
 * Reads `SCHEME://[USER[:PASSWORD]@]HOST[:PORT]/APP/STREAM[?QUERY]`. What stands before the last `@` of the first part is user
 * and password, so that both may hold `@` unescaped, as camera users write them. Names on RTMP are taken as they stand, on
 * RTSP they are percent-decoded. The reason where it cannot be read.
 */
export function parseMediaUrl(text: string): MediaUrl | { readonly problem: string } {
  if (text.length > MAX_URL_LENGTH) {
    return { problem: `the URL has ${text.length} characters, allowed are ${MAX_URL_LENGTH}` };
  }
  const [, scheme = '', rest = ''] = /^([a-z]+):\/\/(.*)$/is.exec(text) ?? [];
  const known = scheme.toLowerCase();
  if (!isScheme(known)) return { problem: `the URL begins with none of ${SCHEMES.join(', ')}` };
  const isRtsp = known.startsWith('rtsp');
  // either would reach the other server's lines of text; a name on RTMP may hold spaces
  if (/\p{Cc}/u.test(text) || (isRtsp && /\s/.test(text))) {
    return { problem: 'the URL holds a space or a control character' };
  }
  const slash = firstIndexOf(rest, /[/?]/);
  const authority = rest.slice(0, slash);
  const target = rest.slice(slash);
  const at = authority.lastIndexOf('@');
  const address = readAddress(authority.slice(at + 1), DEFAULT_PORTS[known]);
  if ('problem' in address) return address;
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  const names = parseStreamPath(isRtsp ? decoded(path) : path);
  if ('problem' in names) return names;
  const [username, password] = at === -1 ? ['', ''] : readCredentials(authority.slice(0, at));
  return {
    url: `${known}://${authority.slice(at + 1)}${target}`,
    scheme: known,
    ...address,
    username,
    password,
    path,
    query: mark === -1 ? '' : target.slice(mark + 1),
    ...names,
  };
}

function isScheme(text: string): text is MediaScheme {
  return Object.hasOwn(DEFAULT_PORTS, text);
}

function firstIndexOf(text: string, pattern: RegExp): number {
  const index = text.search(pattern);
  return index === -1 ? text.length : index;
}

function readAddress(text: string, defaultPort: number): { host: string; port: number } | { problem: string } {
  const [, bracketed, plain = '', digits] = /^(?:\[([\da-f:.]+)\]|([^:[\]]*))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === '') return { problem: 'the URL names no host' };
  const port = digits === undefined ? defaultPort : Number(digits);
  if (port < 1 || port > 65_535) return { problem: `the URL's port is ${port}; allowed are 1 to 65535` };
  return { host, port };
}

function readCredentials(text: string): [string, string] {
  const colon = firstIndexOf(text, /:/);
  return [decoded(text.slice(0, colon)), decoded(text.slice(colon + 1))];
}

/** Percent-decoding; what is not well-formed is taken as it stands. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
