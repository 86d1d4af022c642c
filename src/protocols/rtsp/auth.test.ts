/** Who is let in: both schemes, both hashes, both forms, and nonces that are old or somebody else's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  basicCredentials,
  type DigestAlgorithm,
  digestResponse,
  Headers,
  parseChallenge,
  type RtspRequest,
  request,
  serializeDigest,
} from '../../wire/rtsp/index.ts';
import { type AuthResult, ConnectionAuth } from './auth.ts';

const URL = 'rtsp://h:5544/live/s?a=b';
const options = (method: 'basic' | 'digest') => ({
  isAskedOfPlayers: true,
  isAskedOfPublishers: true,
  method,
  username: 'us"er',
  password: 'p:@ss',
});

function describe(authorization?: string): RtspRequest {
  return request('DESCRIBE', URL, new Headers(authorization === undefined ? [] : [['Authorization', authorization]]));
}

function challenges(result: AuthResult): readonly string[] {
  assert.ok(!result.ok);
  return result.challenges;
}

function nonceOf(result: AuthResult): string {
  return parseChallenge(challenges(result)[0] ?? '')?.parameters.get('nonce') ?? '';
}

interface Answer {
  readonly algorithm?: DigestAlgorithm;
  readonly username?: string;
  readonly password?: string;
  readonly uri?: string;
  readonly hasQop?: boolean;
  readonly realm?: string;
}

function digest(nonce: string, answer: Answer = {}): string {
  const { algorithm = 'MD5', username = 'us"er', password = 'p:@ss', uri = URL, hasQop = true } = answer;
  const { realm = 'millrace' } = answer;
  const qop = hasQop ? { nc: '00000001', cnonce: 'abc' } : null;
  const response = digestResponse({ algorithm, username, password, realm, method: 'DESCRIBE', uri, nonce, qop });
  return serializeDigest(
    { username, realm, nonce, uri, response, ...(hasQop ? { cnonce: 'abc' } : {}) },
    hasQop ? { algorithm, qop: 'auth', nc: '00000001' } : {},
  );
}

test('Basic', () => {
  const auth = new ConnectionAuth(options('basic'), () => 0);
  assert.deepEqual(challenges(auth.check(describe())), ['Basic realm="millrace"']);
  assert.ok(auth.check(describe(basicCredentials('us"er', 'p:@ss'))).ok);
  for (const [user, password] of [
    ['us"er', 'p:@sS'],
    ['us"er', ''],
    ['', 'p:@ss'],
  ] as const) {
    assert.ok(!auth.check(describe(basicCredentials(user, password))).ok, `${user} ${password}`);
  }
  assert.ok(!auth.check(describe(digest('n'))).ok, 'a scheme that was not asked for');
});

test('Digest', () => {
  const auth = new ConnectionAuth(options('digest'), () => 0);
  const first = auth.check(describe());
  assert.deepEqual(
    challenges(first).map((each) => parseChallenge(each)?.parameters.get('algorithm')),
    ['SHA-256', 'MD5'],
  );
  const nonce = nonceOf(first);
  assert.match(nonce, /^[0-9a-f]{32}$/);
  const right: readonly Answer[] = [
    {},
    { algorithm: 'SHA-256' },
    { hasQop: false },
    { uri: '/live/s?a=b' },
    { uri: 'rtsp://h:5544/live/s/?a=b' },
  ];
  for (const answer of right) assert.ok(auth.check(describe(digest(nonce, answer))).ok, JSON.stringify(answer));
  const wrong: readonly Answer[] = [
    { password: 'p' },
    { username: 'user' },
    { realm: 'other' },
    { uri: 'rtsp://h:5544/live/other' },
  ];
  for (const answer of wrong) {
    const result = auth.check(describe(digest(nonce, answer)));
    assert.ok(!challenges(result).some((each) => each.includes('stale')), JSON.stringify(answer));
  }
  assert.ok(!auth.check(describe(basicCredentials('us"er', 'p:@ss'))).ok);
  assert.ok(!auth.check(describe('Digest nonsense')).ok);
});

test('a nonce that grew old, and one of another connection, are stale; another try is not held against the client', () => {
  let now = 0;
  const auth = new ConnectionAuth(options('digest'), () => now);
  const other = nonceOf(new ConnectionAuth(options('digest'), () => now).check(describe()));
  const nonce = nonceOf(auth.check(describe()));
  for (let i = 0; i < 20; i++) {
    const result = auth.check(describe(digest(other)));
    assert.ok(!result.ok && !result.isLastTry);
    assert.ok(result.challenges.every((each) => each.includes('stale=true')));
  }
  now = 299_999;
  assert.ok(auth.check(describe(digest(nonce))).ok);
  now = 300_000;
  const late = auth.check(describe(digest(nonce)));
  assert.ok(challenges(late).every((each) => each.includes('stale=true')));
  assert.notEqual(nonceOf(late), nonce);
  assert.ok(auth.check(describe(digest(nonceOf(late)))).ok);
  assert.ok(!auth.check(describe(digest(''))).ok);
});

test('a connection may try so often and no more', () => {
  const auth = new ConnectionAuth(options('basic'), () => 0);
  const tries = Array.from({ length: 10 }, (_, i) => auth.check(describe(basicCredentials('us"er', `${i}`))));
  assert.deepEqual(
    tries.map((result) => !result.ok && result.isLastTry),
    [...Array<boolean>(9).fill(false), true],
  );
});
