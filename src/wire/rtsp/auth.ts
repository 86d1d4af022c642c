/** Basic and Digest authentication (RFC 7617, RFC 7616, and the form of RFC 2069 that has no qop): headers and hashes. */
import { createHash } from 'node:crypto';

export type DigestAlgorithm = 'MD5' | 'SHA-256';

/** One scheme that a server asks for, of `WWW-Authenticate`. */
export interface Challenge {
  /** In lower case: `basic`, `digest`. */
  readonly scheme: string;
  /** Names in lower case, values without their quotes. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** What a client proves itself by, of `Authorization`. */
export type Credentials =
  | { readonly scheme: 'basic'; readonly username: string; readonly password: string }
  | { readonly scheme: 'digest'; readonly parameters: ReadonlyMap<string, string> };

/** All that goes into a digest's hash (RFC 7616 3.4.1); `qop` is null in the form of RFC 2069. */
export interface DigestInput {
  readonly algorithm: DigestAlgorithm;
  readonly username: string;
  readonly realm: string;
  readonly password: string;
  readonly method: string;
  readonly uri: string;
  readonly nonce: string;
  readonly qop: { readonly nc: string; readonly cnonce: string } | null;
}

/**
 * One parameter: a token, an equals sign, a quoted string or a token; separated by commas. No two parts of it can match the
 * same blanks, or a long run of them would take the square of the time.
 */
const PARAMETER = /\s*([^\s=,"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+)|(?=,|$))\s*(?:,|$)/y;

/** Null where the header is neither of the two, or cannot be read. */
export function parseCredentials(header: string): Credentials | null {
  const { scheme, rest } = splitScheme(header);
  if (scheme === 'digest') {
    const parameters = parseParameters(rest);
    return parameters === null ? null : { scheme, parameters };
  }
  if (scheme !== 'basic') return null;
  const pair = Buffer.from(rest, 'base64').toString();
  const cut = pair.indexOf(':');
  return cut === -1 ? null : { scheme, username: pair.slice(0, cut), password: pair.slice(cut + 1) };
}

/** Null where the header cannot be read. One scheme a header, as RTSP servers send them. */
export function parseChallenge(header: string): Challenge | null {
  const { scheme, rest } = splitScheme(header);
  const parameters = parseParameters(rest);
  return scheme === '' || parameters === null ? null : { scheme, parameters };
}

/** `RFC 7616`'s response, in hexadecimal. */
export function digestResponse(input: DigestInput): string {
  const hash = (text: string): string =>
    createHash(input.algorithm === 'MD5' ? 'md5' : 'sha256')
      .update(text)
      .digest('hex');
  const secret = hash(`${input.username}:${input.realm}:${input.password}`);
  const asked = hash(`${input.method}:${input.uri}`);
  const middle = input.qop === null ? input.nonce : `${input.nonce}:${input.qop.nc}:${input.qop.cnonce}:auth`;
  return hash(`${secret}:${middle}:${asked}`);
}

/** The value of `Authorization` for Basic. */
export function basicCredentials(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** A header's value: `Digest name="value", …`; the values of `bare` stand without quotes, as the standard wants some. */
export function serializeDigest(
  quoted: Readonly<Record<string, string>>,
  bare: Readonly<Record<string, string>> = {},
): string {
  const parts = Object.entries(quoted).map(([name, value]) => `${name}="${value.replace(/["\\]/g, '\\$&')}"`);
  for (const [name, value] of Object.entries(bare)) parts.push(`${name}=${value}`);
  return `Digest ${parts.join(', ')}`;
}

/** The algorithm that a parameter names; none named is MD5 (RFC 7616 3.3); null: one that this house has not. */
export function digestAlgorithm(name: string | undefined): DigestAlgorithm | null {
  const upper = (name ?? 'MD5').toUpperCase();
  return upper === 'MD5' || upper === 'SHA-256' ? upper : null;
}

function splitScheme(header: string): { scheme: string; rest: string } {
  const [, scheme, rest] = /^\s*(\S+)\s*(.*)$/s.exec(header) ?? [];
  return { scheme: (scheme ?? '').toLowerCase(), rest: rest ?? '' };
}

function parseParameters(text: string): Map<string, string> | null {
  const parameters = new Map<string, string>();
  const input = text.trim();
  PARAMETER.lastIndex = 0;
  while (PARAMETER.lastIndex < input.length) {
    const match = PARAMETER.exec(input);
    if (match === null) return null;
    const [, name, quoted, bare] = match;
    if (name !== undefined) parameters.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? bare ?? '');
  }
  return parameters;
}
