import assert from 'node:assert/strict';
import { createSecretKey, generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { exportJWK, type JWTPayload, SignJWT } from 'jose';
import { tempDir } from '../../test/support/temp-dir.ts';
import { createJwtAuth, type JwtOptions } from './jwt.ts';
import { asking } from './request.fixture.ts';

const SECRET = 'a secret of some length, for HMAC';
const OPTIONS: JwtOptions = {
  publish: true,
  play: true,
  key: SECRET,
  jwksFile: '',
  param: 'token',
  issuer: '',
  audience: '',
};
const CLAIMS = { stream: 'test110', action: 'play' };

const hmac = (claims: JWTPayload, secret = SECRET): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(createSecretKey(Buffer.from(secret)));

/** Null, or the reason for the refusal. */
async function refusal(token: string, options: Partial<JwtOptions> = {}, direction: 'publish' | 'play' = 'play') {
  const urlParam = token === '' ? '' : `a=1&token=${token}`;
  const decision = await createJwtAuth({ ...OPTIONS, ...options }).decide(asking({ urlParam, direction }));
  return decision.ok ? null : decision.reason;
}

test('a token for this stream and direction lets in', async () => {
  assert.equal(await refusal(await hmac(CLAIMS)), null);
  assert.equal(await refusal(await hmac({ stream: ['x', 'test110'], action: ['publish', 'play'] })), null);
  assert.equal(await refusal(await hmac({ stream: '*', action: '*' }), {}, 'publish'), null);
});

test('each thing that is wrong with a token is named', async () => {
  const now = Math.floor(Date.now() / 1000);
  const rows: readonly [string, string, Partial<JwtOptions>?][] = [
    ['', 'the URL carries no token'],
    ['x'.repeat(8193), 'the token has 8193 characters, allowed are 8192'],
    ['abc', 'the token cannot be read or its key is not known'],
    [await hmac(CLAIMS, 'another secret'), "the token's signature is not right"],
    [await hmac({ ...CLAIMS, exp: now - 60 }), 'the token is over its time'],
    [await hmac({ ...CLAIMS, nbf: now + 60 }), 'the token\'s claim "nbf" does not fit'],
    [await hmac({ ...CLAIMS, iss: 'b' }), 'the token\'s claim "iss" does not fit', { issuer: 'a' }],
    [await hmac({ ...CLAIMS, aud: 'b' }), 'the token\'s claim "aud" does not fit', { audience: 'a' }],
    [await hmac({ ...CLAIMS, action: 'publish' }), 'the token\'s claim "action" does not hold "play"'],
    [await hmac({ ...CLAIMS, stream: 'other' }), 'the token\'s claim "stream" does not hold this stream'],
    [await hmac({ action: 'play' }), 'the token\'s claim "stream" does not hold this stream'],
  ];
  for (const [token, reason, options] of rows) {
    assert.equal(await refusal(token, options), `authentication failed: ${reason}`);
  }
});

test('a direction that is not guarded asks for no token', async () => {
  assert.equal(await refusal('', { play: false }), null);
  assert.match(String(await refusal('', { play: false }, 'publish')), /carries no token/);
});

test('public keys are for their own algorithms only', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const signed = await new SignJWT(CLAIMS).setProtectedHeader({ alg: 'ES256' }).sign(privateKey);
  assert.equal(await refusal(signed, { key: pem }), null);
  assert.match(String(await refusal(await hmac(CLAIMS, pem), { key: pem })), /cannot be read/);
});

test('keys of a JWKS file are found by kid', async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const jwksFile = join(tempDir(t), 'keys.json');
  writeFileSync(jwksFile, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'EdDSA' }] }));
  const sign = (kid: string): Promise<string> =>
    new SignJWT(CLAIMS).setProtectedHeader({ alg: 'EdDSA', kid }).sign(privateKey);
  const options = { key: '', jwksFile };
  assert.equal(await refusal(await sign('k1'), options), null);
  assert.match(String(await refusal(await sign('k2'), options)), /its key is not known/);
});

test('a key or file that cannot be used is named at once', () => {
  const create = (options: Partial<JwtOptions>) => () => createJwtAuth({ ...OPTIONS, ...options });
  assert.throws(create({ key: '-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----' }), /no public key/);
  assert.throws(create({ key: '', jwksFile: '/nowhere/keys.json' }), /\/nowhere\/keys\.json is no JSON Web Key Set: /);
  const { publicKey } = generateKeyPairSync('x25519');
  assert.throws(create({ key: publicKey.export({ type: 'spki', format: 'pem' }).toString() }), /type x25519; allowed/);
});
