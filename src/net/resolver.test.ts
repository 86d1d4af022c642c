/** Tests of how names are looked up while name servers are slow, silent or gone. */
import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { type TestContext, test } from 'node:test';
import { Resolver } from './resolver.ts';

const FIRST = [{ address: '192.0.2.1', family: 4 }];
const OTHER = [{ address: '192.0.2.2', family: 4 }];

type Way = (name: string) => Promise<readonly LookupAddress[]>;
const silent: Way = () => new Promise(() => {});
const fails =
  (code: string): Way =>
  () =>
    Promise.reject(Object.assign(new Error(code), { code }));
const finds =
  (addresses: readonly LookupAddress[]): Way =>
  () =>
    Promise.resolve(addresses);

function names(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const asked: string[] = [];
  const service = { lookup: finds(FIRST), query: silent, nowMs: 0 };
  const resolver = new Resolver({
    lookup: (name) => {
      asked.push(`lookup ${name}`);
      return service.lookup(name);
    },
    query: (name) => {
      asked.push(`query ${name}`);
      return service.query(name);
    },
    monotonicMs: () => service.nowMs,
  });
  /** Asks, and lets the system's second pass. */
  const late = async (name: string): Promise<readonly LookupAddress[]> => {
    const found = resolver.resolve(name);
    t.mock.timers.tick(1000);
    return found;
  };
  return { resolver, service, asked, late };
}

test('the system answers: nobody else is asked, and its error is told as it is', async (t) => {
  const { resolver, service, asked } = names(t);
  assert.deepEqual(await resolver.resolve('a'), FIRST);
  service.lookup = fails('ENOTFOUND');
  await assert.rejects(resolver.resolve('a'), { code: 'ENOTFOUND' });
  assert.deepEqual(asked, ['lookup a', 'lookup a']);
});

test('name servers that fail, or are silent: the addresses that were found last go on for an hour', async (t) => {
  const { resolver, service, late } = names(t);
  await resolver.resolve('a');
  for (const lookup of [fails('EAI_AGAIN'), silent]) {
    service.lookup = lookup;
    service.nowMs = 3_600_000;
    assert.deepEqual(await late('a'), FIRST);
  }
  // the last lookup is under way for ever, so another name is asked from here on
  service.lookup = finds(OTHER);
  service.nowMs = 0;
  await resolver.resolve('b');
  service.lookup = fails('EAI_AGAIN');
  service.nowMs = 3_600_001;
  await assert.rejects(resolver.resolve('b'), { code: 'EAI_AGAIN' });
});

test('a name that is not known and whose lookup is slow is asked for without a thread', async (t) => {
  const { service, asked, late } = names(t);
  service.lookup = silent;
  service.query = finds(OTHER);
  assert.deepEqual(await late('a'), OTHER);
  assert.deepEqual(asked, ['lookup a', 'query a']);
});

test('a slow lookup of a name is under way once at a time, however often it is asked for', async (t) => {
  const { resolver, service, asked, late } = names(t);
  const { promise, resolve } = Promise.withResolvers<readonly LookupAddress[]>();
  service.lookup = () => promise;
  service.query = fails('ETIMEOUT');
  const all = [late('a'), late('a'), resolver.resolve('a')];
  resolve(FIRST);
  assert.deepEqual(await Promise.all(all), [FIRST, FIRST, FIRST]);
  assert.equal(asked.filter((each) => each === 'lookup a').length, 1);
  await resolver.resolve('a');
  assert.equal(asked.filter((each) => each === 'lookup a').length, 2);
});

test('where nobody answers, the system’s error is the one that is told', async (t) => {
  const { service, late } = names(t);
  const { promise, reject } = Promise.withResolvers<never>();
  service.lookup = () => promise;
  service.query = fails('ETIMEOUT');
  const found = late('a');
  reject(Object.assign(new Error('later'), { code: 'EAI_AGAIN' }));
  await assert.rejects(found, { code: 'EAI_AGAIN' });
});

test('of a thousand names the one that was found longest ago is forgotten', async (t) => {
  const { resolver, service } = names(t);
  for (let i = 0; i <= 1000; i++) await resolver.resolve(`n${i}`);
  service.lookup = fails('EAI_AGAIN');
  await assert.rejects(resolver.resolve('n0'), { code: 'EAI_AGAIN' });
  assert.deepEqual(await resolver.resolve('n1'), FIRST);
});
