/** Readers that answer later, which `npm run fuzz` cannot wait for: tokens, dumps of packets, requests of the HTTP API. */
import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SignJWT } from 'jose';
import { createJwtAuth } from '../../src/admission/jwt.ts';
import { asking } from '../../src/admission/request.fixture.ts';
import { bench } from '../../src/api/api-bench.fixture.ts';
import { readPackets } from '../../src/cli/packet-file.ts';
import { tempDir } from '../support/temp-dir.ts';
import { mutate, randomFrom } from './mutate.ts';
import { TARGETS } from './targets/index.ts';

const INPUTS = 300;
const WORDS = ['.', '..', 'e30', 'eyJhbGciOiJub25lIn0', '&token=', '=', '%00', '-', '_'];

/** Inputs made from these, the same each time. */
function inputsFrom(seeds: readonly Buffer[], words: readonly string[]): Buffer[] {
  const random = randomFrom(1);
  const material = { others: seeds, words, isLong: false };
  return Array.from({ length: INPUTS }, (_, i) => mutate(seeds[i % seeds.length] ?? Buffer.alloc(0), material, random));
}

test('a token that was changed lets nobody in, and none is a fault', async () => {
  const key = 'a secret of some length, for HMAC';
  const options = { publish: true, play: true, key, jwksFile: '', param: 'token', issuer: '', audience: '' };
  const { decide } = createJwtAuth(options);
  const valid = await new SignJWT({ stream: 'test110', action: 'play' })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(createSecretKey(Buffer.from(key)));
  assert.deepEqual(await decide(asking({ urlParam: `token=${valid}` })), { ok: true });
  const [, , signature = ''] = valid.split('.');
  for (const input of inputsFrom([Buffer.from(valid)], WORDS)) {
    const token = input.toString('latin1');
    const decision = await decide(asking({ urlParam: `token=${encodeURIComponent(token)}` }));
    // the last character of a signature has bits that mean nothing
    const [header, claims, found = ''] = token.split('.');
    const isSame =
      valid.startsWith(`${header}.${claims}.`) &&
      Buffer.from(found, 'base64url').equals(Buffer.from(signature, 'base64url'));
    assert.equal(decision.ok, isSame, token);
  }
});

test('a dump of packets that was changed gives packets of what is in it, or says that it is none', async (t) => {
  const packet = (bytes: number): Buffer => {
    const record = Buffer.alloc(12 + bytes, bytes);
    record.writeUInt32BE(bytes, 0);
    record.writeBigUInt64BE(1_795_561_452_000n, 4);
    return record;
  };
  const file = join(tempDir(t), 'a.dump');
  for (const input of inputsFrom([Buffer.concat([packet(3), packet(0), packet(1400), packet(20)])], [])) {
    writeFileSync(file, input);
    let [at, cut] = [0, 0];
    try {
      for await (const { bytes } of readPackets(file, (left) => (cut = left))) {
        assert.deepEqual(bytes, input.subarray(at + 12, at + 12 + bytes.length));
        at += 12 + bytes.length;
      }
      assert.equal(at + cut, input.length);
    } catch (error) {
      assert.ok(error instanceof Error && error.message.includes('is no dump'), String(error));
    }
  }
});

test('whatever body the HTTP API is sent, it answers with its envelope, and no fault of its own', async (t) => {
  const { ask, logged } = await bench(t);
  const seeds = TARGETS.find(({ name }) => name === 'api')?.seeds ?? [];
  const paths = [
    'ctrl/kick_session',
    'ctrl/add_ip_blacklist',
    'ctrl/start_relay_pull',
    'record/start',
    'notify/events',
  ];
  for (const [i, input] of inputsFrom(seeds, ['{', '"', '[[[[', ':', 'null', '"stream_name":']).entries()) {
    const { status, body } = await ask('POST', `/api/${paths[i % paths.length]}`, input);
    const { error_code } = JSON.parse(body) as { error_code: number };
    assert.equal(status, 200);
    assert.ok(Number.isInteger(error_code) && error_code !== 500, `${input}: ${body}`);
  }
  assert.deepEqual(
    logged.filter(([level]) => level === 'error'),
    [],
  );
});
