/** Functions that decide who is let in: what they may answer, and what becomes of those about whom they do not. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SessionIdentity } from '../streams/index.ts';
import { type AdmissionAnswer, type AdmissionFunctions, createFunctionAdmission } from './functions.ts';
import { asking } from './request.fixture.ts';

const UNDECIDED = { ok: false, reason: 'it could not be decided whether this is allowed' };
const never = (): Promise<AdmissionAnswer> => new Promise(() => {});

function admissionBy(functions: AdmissionFunctions, options = { timeoutMs: 60_000, failOpen: false }) {
  const logged: string[] = [];
  const silent = (): void => {};
  const keep = (_: object, what: string): void => void logged.push(what);
  const log = { debug: silent, info: silent, warn: keep, error: keep };
  return { ...createFunctionAdmission(functions, options, log), logged };
}

test('each direction asks its own function with the session; one without lets in', async () => {
  const asked: SessionIdentity[] = [];
  const { decide } = admissionBy({
    play: (session) => {
      asked.push(session);
      return false;
    },
  });
  assert.deepEqual(await decide(asking({ direction: 'publish' })), { ok: true });
  assert.deepEqual(await decide(asking({ urlParam: 'key=1' })), { ok: false, reason: 'not allowed' });
  assert.deepEqual(asked, [asking({ urlParam: 'key=1' }).session]);
});

test('yes, no and decisions are understood, at once or later', async () => {
  const granted = { ok: true, streamName: 'other', lifetimeSec: 1.5, record: 'mp4' } as const;
  for (const [answer, decision] of [
    [true, { ok: true }],
    [false, { ok: false, reason: 'not allowed' }],
    [granted, granted],
    [
      { ok: false, reason: 'too\nlate' },
      { ok: false, reason: 'too late' },
    ],
    [
      { ok: false, reason: ' ' },
      { ok: false, reason: 'not allowed' },
    ],
  ] as const) {
    assert.deepEqual(await admissionBy({ play: () => answer }).decide(asking()), decision);
    assert.deepEqual(await admissionBy({ play: async () => answer }).decide(asking()), decision);
  }
});

test('a function may be a method', async () => {
  class Door {
    readonly #isOpen = true;
    play(): boolean {
      return this.#isOpen;
    }
  }
  assert.deepEqual(await admissionBy(new Door()).decide(asking()), { ok: true });
});

test('what cannot be understood, a throw and a rejection let nobody in and are logged', async () => {
  const fault = (): never => {
    throw new Error('fault');
  };
  const answers: AdmissionFunctions['play'][] = [
    ...[undefined, null, 1, 'yes', {}, { ok: 'true' }, { ok: true, streamName: 'a/b' }].map(
      (answer) => () => JSON.parse(JSON.stringify({ answer })).answer,
    ),
    () => JSON.parse('{"ok":true,"stream_name":"misspelt"}'),
    fault,
    async () => fault(),
  ];
  for (const play of answers) {
    const { decide, logged } = admissionBy(play === undefined ? {} : { play });
    assert.deepEqual(await decide(asking()), UNDECIDED);
    assert.equal(logged.length, 1);
  }
});

test('one that does not answer in time counts as fail_open says', async () => {
  const closed = admissionBy({ play: never }, { timeoutMs: 1, failOpen: false });
  assert.deepEqual(await closed.decide(asking()), UNDECIDED);
  const open = admissionBy({ play: never }, { timeoutMs: 1, failOpen: true });
  assert.deepEqual(await open.decide(asking()), { ok: true });
  assert.deepEqual(open.logged, ['the admission function did not answer in time']);
});
