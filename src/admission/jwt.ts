/** Admission by a JSON Web Token in the URL, checked with a configured key or a JWKS file. */
import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import {
  createLocalJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose';
import type { Admission, AdmissionRequest, Decision } from '../streams/index.ts';

export interface JwtOptions {
  /** Whether publishers, and whether players, must bring a token. */
  readonly publish: boolean;
  readonly play: boolean;
  /** A shared secret (HS256 to HS512) or a PEM public key (the algorithms of its kind); empty: the JWKS file counts. */
  readonly key: string;
  /** File of a JSON Web Key Set (RFC 7517), its keys found by `kid`; empty: none. */
  readonly jwksFile: string;
  /** Parameter of the URL that carries the token. */
  readonly param: string;
  /** What the claims `iss` and `aud` must be; empty: whatever they are. */
  readonly issuer: string;
  readonly audience: string;
}

/** Clocks of two machines may differ by so much. Seconds. */
const CLOCK_TOLERANCE_SEC = 5;
/** Longer tokens are not looked at. Characters. */
const MAX_TOKEN_LENGTH = 8192;

/**
 * Admission by a token (RFC 7519) whose claim `action` holds `publish` or `play` and whose claim `stream` holds the
 * stream's name, each a string or a list of strings, `*` for all. Throws an Error that says what is wrong where key or
 * file cannot be used.
 */
export function createJwtAuth(options: JwtOptions): Admission {
  const verify = verifier(options);
  return {
    decide: (request) => {
      const wanted = request.direction === 'publish' ? options.publish : options.play;
      return wanted ? decide(verify, options, request) : Promise.resolve({ ok: true });
    },
  };
}

type Verify = (token: string) => Promise<JWTPayload>;

async function decide(verify: Verify, options: JwtOptions, request: AdmissionRequest): Promise<Decision> {
  const { session, direction } = request;
  const token = new URLSearchParams(session.urlParam).get(options.param);
  if (token === null || token === '') return denied(`the URL carries no ${options.param}`);
  if (token.length > MAX_TOKEN_LENGTH) {
    return denied(`the token has ${token.length} characters, allowed are ${MAX_TOKEN_LENGTH}`);
  }
  let claims: JWTPayload;
  try {
    claims = await verify(token);
  } catch (error) {
    return denied(problemOf(error));
  }
  if (!holds(claims['action'], direction)) return denied(`the token's claim "action" does not hold "${direction}"`);
  if (!holds(claims['stream'], session.streamName))
    return denied('the token\'s claim "stream" does not hold this stream');
  return { ok: true };
}

function denied(why: string): Decision {
  return { ok: false, reason: `authentication failed: ${why}` };
}

function holds(claim: unknown, value: string): boolean {
  const values: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  return values.includes(value) || values.includes('*');
}

function verifier({ key, jwksFile, issuer, audience }: JwtOptions): Verify {
  const checks: JWTVerifyOptions = {
    clockTolerance: CLOCK_TOLERANCE_SEC,
    ...(issuer === '' ? {} : { issuer }),
    ...(audience === '' ? {} : { audience }),
  };
  if (key !== '') {
    const { keyObject, algorithms } = readKey(key);
    return async (token) => (await jwtVerify(token, keyObject, { ...checks, algorithms: [...algorithms] })).payload;
  }
  const keySet = readKeySet(jwksFile);
  return async (token) => (await jwtVerify(token, keySet, checks)).payload;
}

/** A key is for the algorithms of its own kind only: a public key must never serve as a shared secret. */
function readKey(key: string): { keyObject: KeyObject; algorithms: readonly string[] } {
  if (!key.includes('-----BEGIN')) {
    return { keyObject: createSecretKey(Buffer.from(key)), algorithms: ['HS256', 'HS384', 'HS512'] };
  }
  let keyObject: KeyObject;
  try {
    keyObject = createPublicKey(key);
  } catch {
    throw new Error('the key looks like PEM, but is no public key or certificate');
  }
  const type = keyObject.asymmetricKeyType ?? '';
  const algorithms = ALGORITHMS[type];
  if (algorithms === undefined) {
    throw new Error(`the key is of type ${type}; allowed are ${Object.keys(ALGORITHMS).join(', ')}`);
  }
  return { keyObject, algorithms };
}

const ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
  rsa: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ec: ['ES256', 'ES384', 'ES512'],
  ed25519: ['EdDSA', 'Ed25519'],
};

function readKeySet(file: string): JWTVerifyGetKey {
  try {
    return createLocalJWKSet(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new Error(`${file} is no JSON Web Key Set: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** One sentence for the client, which shows nothing of the key. */
function problemOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'the token is over its time';
  if (error instanceof errors.JWTClaimValidationFailed) return `the token's claim "${error.claim}" does not fit`;
  if (error instanceof errors.JWSSignatureVerificationFailed) return "the token's signature is not right";
  return 'the token cannot be read or its key is not known';
}
