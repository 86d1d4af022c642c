/** Dumps that cannot be made: they are logged, and hurt nobody. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../test/support/temp-dir.ts';
import { PacketDump } from './packet-dump.ts';

const WARNING = 'no more packets are dumped, the stream goes on';

/** What is logged, and a wait for it. */
function logged() {
  const warnings: string[] = [];
  const events = new EventTarget();
  const silent = (): void => {};
  const warn = (_: object, message: string): void => {
    warnings.push(message);
    events.dispatchEvent(new Event('warn'));
  };
  return { warnings, events, log: { debug: silent, info: silent, warn, error: silent } };
}

test('a name that no file can have', () => {
  const { warnings, log } = logged();
  const dump = new PacketDump('a\0b', log);
  dump.write(Buffer.of(1), 0);
  dump.close();
  assert.deepEqual(warnings, [WARNING]);
});

test('a folder that is not there', async (t) => {
  const { warnings, events, log } = logged();
  const warned = once(events, 'warn');
  const dump = new PacketDump(join(tempDir(t), 'none', 'dump'), log);
  dump.write(Buffer.of(1), 0);
  await warned;
  dump.write(Buffer.of(1), 0);
  dump.close();
  assert.deepEqual(warnings, [WARNING]);
});
