/** Tests of other URLs, secrets and bounds while events wait and are under way: none is lost, and each goes where it was to go. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hang, notifierAt, ok, receiver, session, started, status, stopped, until, urlsAt } from './notify.fixture.ts';
import type { NotifyOptions } from './options.ts';

/** As `notifierAt` has them, at these URLs. */
function optionsAt(urls: NotifyOptions['urls'], more: Partial<NotifyOptions> = {}): NotifyOptions {
  return {
    ...{ serverId: '1', updateIntervalSec: 5, urls, concurrency: 64, timeoutMs: 5000, maxAgeHours: 72 },
    ...{ signingSecrets: [], outboxPath: null, retentionHours: 72, headers: {}, ...more },
  };
}

test('what waits goes to the URL that it had, with the headers that hold when it is sent', async (t) => {
  const [before, after] = [await receiver(t, status(503)), await receiver(t)];
  const { notifier, time } = notifierAt(t, urlsAt(before.origin));
  await notifier.start();
  notifier.record(started(session('PUB1')));
  await until(() => notifier.status().failed === 1);
  notifier.reconfigure(optionsAt(urlsAt(after.origin), { headers: { 'X-Site': 'b' } }));
  notifier.record(stopped(session('PUB1')));
  await until(() => notifier.status().delivered === 1);
  before.behave = ok;
  time.advance(3_600_000);
  await until(() => notifier.status().backlog === 0);
  assert.deepEqual([before.story(), after.story()], [Array(2).fill('on_pub_start PUB1'), ['on_pub_stop PUB1']]);
  assert.deepEqual(
    [...before.calls, ...after.calls].map(({ headers }) => headers['x-site']),
    [undefined, 'b', 'b'],
  );
});

test('another path of the same receiver keeps the order', async (t) => {
  const to = await receiver(t, hang);
  const { notifier } = notifierAt(t, urlsAt(to.origin));
  await notifier.start();
  notifier.record(started(session('PUB1')));
  await until(() => to.calls.length === 1);
  const moved = Object.entries(urlsAt(to.origin)).map(([event, url]) => [event, `${url}/v2`]);
  notifier.reconfigure(optionsAt(Object.fromEntries(moved)));
  notifier.record(stopped(session('PUB1')));
  to.behave = ok;
  to.calls[0]?.response.end();
  await until(() => notifier.status().delivered === 2);
  assert.deepEqual(to.story(), ['on_pub_start PUB1', 'on_pub_stop/v2 PUB1']);
});

test('a request that is under way has the time-out that it began with, and the next one the new one', async (t) => {
  const to = await receiver(t, hang);
  const { notifier, time } = notifierAt(t, urlsAt(to.origin), { timeoutMs: 5000 });
  await notifier.start();
  notifier.record(started(session('PUB1', 'a')));
  await until(() => to.calls.length === 1);
  notifier.reconfigure(optionsAt(urlsAt(to.origin), { timeoutMs: 1000 }));
  notifier.record(started(session('PUB2', 'b')));
  await until(() => to.calls.length === 2);
  time.advance(1000);
  await until(() => notifier.status().failed === 1);
  time.advance(4000);
  await until(() => notifier.status().failed >= 2);
});

test('more requests at a time go out at once where more are allowed', async (t) => {
  const to = await receiver(t, hang);
  const { notifier } = notifierAt(t, urlsAt(to.origin), { concurrency: 1 });
  await notifier.start();
  for (const stream of ['a', 'b', 'c']) notifier.record(started(session(`PUB-${stream}`, stream)));
  await until(() => to.calls.length === 1);
  notifier.reconfigure(optionsAt(urlsAt(to.origin), { concurrency: 3 }));
  await until(() => to.calls.length === 3);
});

test('on_update that waited for a start that its new receiver need not hear goes out', async (t) => {
  const [before, after] = [await receiver(t, status(503)), await receiver(t)];
  const own = (origin: string) => ({ on_server_start: `${origin}/on_server_start`, on_update: `${origin}/on_update` });
  const { notifier, time } = notifierAt(t, own(before.origin));
  await notifier.start();
  await until(() => notifier.status().failed === 1);
  notifier.reconfigure(optionsAt(own(after.origin)));
  await until(() => notifier.status().updates.sent === 1);
  assert.deepEqual([before.story(), after.story()], [['on_server_start'], ['on_update']]);
  // the interval is counted from then on
  notifier.reconfigure(optionsAt(own(after.origin), { updateIntervalSec: 60 }));
  await until(() => notifier.status().updates.sent === 2);
  time.advance(59_000);
  assert.equal(after.calls.length, 2);
  time.advance(1000);
  await until(() => notifier.status().updates.sent === 3);
  // and none are sent where there is no URL
  notifier.reconfigure(optionsAt({}));
  time.advance(120_000);
  assert.equal(notifier.status().updates.sent, 3);
});

test('what cannot be used is refused, and changes nothing', async (t) => {
  const to = await receiver(t);
  const { notifier } = notifierAt(t, urlsAt(to.origin));
  await notifier.start();
  assert.throws(() => notifier.reconfigure(optionsAt({ on_pub_start: 'ftp://h/' })), /on_pub_start/);
  assert.throws(() => notifier.reconfigure(optionsAt({}, { headers: { te: 'x' } })), /header "te"/);
  notifier.record(started(session('PUB1')));
  await until(() => notifier.status().delivered === 1);
});
