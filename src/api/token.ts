/** The token that callers of the API must bring; empty: none. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isLoopback, plainAddress } from '../net/index.ts';

/** What is looked at of a request; fastify's is one. */
interface TokenRequest {
  readonly method: string;
  readonly headers: { readonly authorization?: string | undefined };
  /** Its parameters by name. */
  readonly query: unknown;
}

interface HereRequest {
  readonly headers: { readonly origin?: string | undefined; readonly host?: string | undefined };
  /** Of the peer. */
  readonly ip: string;
}

/**
 * Whether a request may go on: it need bring nothing, or it bears `Authorization: Bearer TOKEN` (RFC 6750) or, for readers
 * of event streams that cannot set headers, the parameter `token`. What a browser asks before a call (OPTIONS) bears
 * neither and may.
 */
export function tokenCheck(token: string): (request: TokenRequest) => boolean {
  if (token === '') return () => true;
  const wanted = digest(token);
  return ({ method, headers, query }) => {
    if (method === 'OPTIONS') return true;
    const bearer = /^Bearer +(.+)$/i.exec(headers.authorization ?? '')?.[1];
    const given = bearer ?? (query as Readonly<Record<string, string>>)['token'];
    return given !== undefined && timingSafeEqual(digest(given.trim()), wanted);
  };
}

/** Digests are compared, in constant time, so that not even the length shows. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** Whether a program of this machine asks, and no page that another site has put into its browser. */
export function isFromHere({ headers, ip }: HereRequest): boolean {
  if (!isLoopback(plainAddress(ip))) return false;
  const { origin, host } = headers;
  return origin === undefined || origin.replace(/^https?:\/\//, '') === host;
}
