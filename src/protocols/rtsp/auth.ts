/** Asks clients for the name and password of the configuration, by Basic or Digest. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import {
  type Credentials,
  type DigestAlgorithm,
  digestAlgorithm,
  digestResponse,
  parseCredentials,
  type RtspRequest,
  serializeDigest,
} from '../../wire/rtsp/index.ts';
import type { RtspAuthOptions } from './options.ts';

const REALM = 'millrace';
/** A nonce is good for this long; then the client is given the next one, and need not ask its user. Milliseconds. */
const NONCE_LIFE_MS = 5 * 60_000;
/** Wrong names or passwords that one connection may try. */
const MAX_FAILURES = 10;

const FAULTS = {
  'not tried': null,
  wrong: 'a wrong name or password',
  stale: 'a digest of another connection or time',
} as const;

export type AuthResult =
  | { readonly ok: true }
  /** The values of `WWW-Authenticate`, one a header. */
  | {
      readonly ok: false;
      /** What was wrong; null: nothing was tried yet. */
      readonly fault: string | null;
      readonly challenges: readonly string[];
      readonly isLastTry: boolean;
    };

/**
 * One connection's authentication. Its nonce is its own, so that what is overheard serves nobody else, and no table of
 * nonces has to be kept and bounded.
 */
export class ConnectionAuth {
  readonly #options: RtspAuthOptions;
  readonly #nowMs: () => number;
  #nonce = '';
  #nonceAtMs = Number.NEGATIVE_INFINITY;
  #failures = 0;

  constructor(options: RtspAuthOptions, nowMs: () => number) {
    this.#options = options;
    this.#nowMs = nowMs;
  }

  check(request: RtspRequest): AuthResult {
    const header = request.headers.get('Authorization');
    const credentials = header === null ? null : parseCredentials(header);
    if (credentials === null) return this.#refuse(header === null ? 'not tried' : 'wrong');
    const { method } = this.#options;
    if (credentials.scheme !== method) return this.#refuse('wrong');
    if (credentials.scheme === 'basic') {
      return isEqual([credentials.username, credentials.password], this.#expected())
        ? { ok: true }
        : this.#refuse('wrong');
    }
    if (!this.#isRightDigest(credentials, request)) return this.#refuse('wrong');
    // the client knows the password: what it must not do is use a nonce of another time or connection
    if (credentials.parameters.get('nonce') !== this.#nonce || this.#isNonceOld()) return this.#refuse('stale');
    return { ok: true };
  }

  #expected(): string[] {
    return [this.#options.username, this.#options.password];
  }

  #isRightDigest({ parameters }: Extract<Credentials, { scheme: 'digest' }>, request: RtspRequest): boolean {
    const algorithm = digestAlgorithm(parameters.get('algorithm'));
    const [nonce, uri, given] = ['nonce', 'uri', 'response'].map((name) => parameters.get(name));
    if (algorithm === null || nonce === undefined || uri === undefined || given === undefined) return false;
    if (!isSameUri(uri, request.url)) return false;
    const qop = parameters.get('qop');
    const [nc, cnonce] = [parameters.get('nc'), parameters.get('cnonce')];
    if (qop !== undefined && (qop !== 'auth' || nc === undefined || cnonce === undefined)) return false;
    const wanted = digestResponse({
      algorithm,
      username: this.#options.username,
      realm: REALM,
      password: this.#options.password,
      method: request.method,
      uri,
      nonce,
      qop: qop === undefined || nc === undefined || cnonce === undefined ? null : { nc, cnonce },
    });
    return isEqual(
      [parameters.get('username') ?? '', parameters.get('realm') ?? '', given.toLowerCase()],
      [this.#options.username, REALM, wanted],
    );
  }

  #refuse(why: keyof typeof FAULTS): AuthResult {
    if (why === 'wrong') this.#failures++;
    return {
      ok: false,
      fault: FAULTS[why],
      challenges: this.#challenges(why === 'stale'),
      isLastTry: this.#failures >= MAX_FAILURES,
    };
  }

  #challenges(isStale: boolean): string[] {
    if (this.#options.method === 'basic') return [`Basic realm="${REALM}"`];
    if (this.#isNonceOld()) {
      this.#nonce = randomBytes(16).toString('hex');
      this.#nonceAtMs = this.#nowMs();
    }
    const challenge = (algorithm: DigestAlgorithm): string =>
      serializeDigest(
        { realm: REALM, nonce: this.#nonce, qop: 'auth' },
        { algorithm, ...(isStale ? { stale: 'true' } : {}) },
      );
    // the better one first (RFC 7616 3.7); clients that know MD5 alone are common, and the last one is theirs
    return [challenge('SHA-256'), challenge('MD5')];
  }

  #isNonceOld(): boolean {
    return this.#nowMs() - this.#nonceAtMs >= NONCE_LIFE_MS;
  }
}

/** Compares in a time that tells nothing of where the first difference is. */
function isEqual(given: readonly string[], wanted: readonly string[]): boolean {
  const hash = (texts: readonly string[]): Buffer => createHash('sha256').update(JSON.stringify(texts)).digest();
  return timingSafeEqual(hash(given), hash(wanted));
}

/** Clients give the request line's URL, or its path and query alone (RFC 7616 3.4 allows both). */
function isSameUri(uri: string, url: string): boolean {
  const path = (each: string): string => each.replace(/^[a-z]+:\/\/[^/]*/i, '').replace(/\/+(?=$|\?)/, '');
  return path(uri) === path(url);
}
