import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AdmissionRequest, Decision } from '../streams/index.ts';
import { allOf } from './decision.ts';
import { asking } from './request.fixture.ts';

test('all are asked in turn, each about the name that the one before gave; the first refusal counts', async () => {
  const seen: string[] = [];
  const says = (decision: Decision) => ({
    decide: ({ session }: AdmissionRequest) => {
      seen.push(session.streamName);
      return Promise.resolve(decision);
    },
  });
  const rename = says({ ok: true, streamName: 'inner', lifetimeSec: 5 });
  assert.deepEqual(await allOf([rename, says({ ok: true, lifetimeSec: 7 })]).decide(asking()), {
    ok: true,
    streamName: 'inner',
    lifetimeSec: 7,
  });
  assert.deepEqual(seen, ['test110', 'inner']);
  const no = says({ ok: false, reason: 'no' });
  assert.deepEqual(await allOf([says({ ok: true }), no, rename]).decide(asking()), { ok: false, reason: 'no' });
  assert.equal(seen.length, 4);
  assert.deepEqual(await allOf([]).decide(asking()), { ok: true });
});
