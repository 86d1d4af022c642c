/** Examples of the standards, and headers as clients and cameras write them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { basicCredentials, digestResponse, parseChallenge, parseCredentials, serializeDigest } from './auth.ts';

test('the examples of RFC 7616 3.9.1, both algorithms', () => {
  const input = {
    username: 'Mufasa',
    realm: 'http-auth@example.org',
    password: 'Circle of Life',
    method: 'GET',
    uri: '/dir/index.html',
    nonce: '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v',
    qop: { nc: '00000001', cnonce: 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ' },
  };
  assert.equal(digestResponse({ ...input, algorithm: 'MD5' }), '8ca523f5e9506fed4657c9700eebdbec');
  assert.equal(
    digestResponse({ ...input, algorithm: 'SHA-256' }),
    '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1',
  );
});

test('the form without qop, with the hashes of RFC 2617 3.5 but for the middle', () => {
  const input = {
    algorithm: 'MD5' as const,
    username: 'Mufasa',
    realm: 'testrealm@host.com',
    password: 'Circle Of Life',
    method: 'GET',
    uri: '/dir/index.html',
    nonce: 'dcd98b7102dd2f0e8b11d0f600bfb0c093',
    qop: null,
  };
  assert.equal(digestResponse(input), '670fd8c2df070c60b045671b8b24ff02');
  assert.equal(
    digestResponse({ ...input, qop: { nc: '00000001', cnonce: '0a4f113b' } }),
    '6629fae49393a05397450978507c4ef1',
  );
});

test('credentials', () => {
  assert.deepEqual(parseCredentials('Basic dXNlcjpwYTpzcw=='), {
    scheme: 'basic',
    username: 'user',
    password: 'pa:ss',
  });
  assert.deepEqual(parseCredentials(basicCredentials('使', 'p@:')), {
    scheme: 'basic',
    username: '使',
    password: 'p@:',
  });
  const digest = parseCredentials(
    'Digest username="a \\"b\\", c", realm="",nonce=bare , uri="rtsp://h/s?x=1,2", nc=00000001, qop=auth',
  );
  assert.ok(digest?.scheme === 'digest');
  assert.deepEqual(Object.fromEntries(digest.parameters), {
    username: 'a "b", c',
    realm: '',
    nonce: 'bare',
    uri: 'rtsp://h/s?x=1,2',
    nc: '00000001',
    qop: 'auth',
  });
  for (const header of ['', 'Basic', 'Basic !', 'Bearer abc', 'Digest a', 'Digest a="b', 'Digest ="b"']) {
    assert.equal(parseCredentials(header), null, header);
  }
});

test('blanks are let pass, and however many there are take no time', () => {
  const blanks = ' '.repeat(200_000);
  const digest = parseCredentials(`Digest a =  "1" ,b=${blanks}2${blanks},c= ,d=`);
  assert.ok(digest?.scheme === 'digest');
  assert.deepEqual(Object.fromEntries(digest.parameters), { a: '1', b: '2', c: '', d: '' });
  assert.equal(parseCredentials(`Digest a=${blanks}"x`), null);
  assert.equal(parseCredentials(`Digest a${blanks}"x`), null);
});

test('challenges', () => {
  const header = serializeDigest({ realm: 'a "b"', nonce: 'n', qop: 'auth' }, { algorithm: 'SHA-256' });
  assert.equal(header, 'Digest realm="a \\"b\\"", nonce="n", qop="auth", algorithm=SHA-256');
  const challenge = parseChallenge(header);
  assert.equal(challenge?.scheme, 'digest');
  assert.equal(challenge?.parameters.get('realm'), 'a "b"');
  assert.equal(challenge?.parameters.get('algorithm'), 'SHA-256');
  assert.equal(parseChallenge('Basic realm="x"')?.scheme, 'basic');
  assert.equal(parseChallenge(''), null);
});
