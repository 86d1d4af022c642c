/** Tests of reading dumps: what the server's own writer wrote, files that were cut, and files that are none. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PacketDump } from '../net/index.ts';
import { type RecordedPacket, readPackets } from './packet-file.ts';

function tempFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-dump-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'a.dump');
}

async function all(file: string): Promise<{ packets: RecordedPacket[]; cut: number }> {
  let cut = 0;
  const packets: RecordedPacket[] = [];
  const onCut = (bytes: number): void => {
    cut = bytes;
  };
  for await (const packet of readPackets(file, onCut)) packets.push(packet);
  return { packets, cut };
}

async function dumped(file: string, packets: readonly RecordedPacket[]): Promise<void> {
  const silent = (): void => {};
  const dump = new PacketDump(file, { debug: silent, info: silent, warn: silent, error: silent });
  for (const { bytes, unixMs } of packets) dump.write(bytes, unixMs);
  dump.close();
  while ((await all(file).catch(() => null))?.packets.length !== packets.length);
}

/** More than one read of a file stream. */
const PACKETS = Array.from({ length: 200 }, (_, i) => ({
  unixMs: 1_795_561_452_000 + i * 20,
  bytes: Buffer.alloc((i * 37) % 1500, i),
}));

test('packets come as they were written', async (t) => {
  const file = tempFile(t);
  await dumped(file, PACKETS);
  assert.deepEqual(await all(file), { packets: PACKETS, cut: 0 });
});

test('of a file that was cut, the whole packets come', async (t) => {
  const file = tempFile(t);
  await dumped(file, PACKETS.slice(0, 3));
  const [first, second, third] = PACKETS;
  const size = 36 + (first?.bytes.length ?? 0) + (second?.bytes.length ?? 0) + (third?.bytes.length ?? 0);
  for (let length = size - 1; length >= 0; length--) {
    truncateSync(file, length);
    const { packets, cut } = await all(file);
    const kept = packets.reduce((sum, { bytes }) => sum + 12 + bytes.length, 0);
    assert.deepEqual(packets, PACKETS.slice(0, packets.length));
    assert.equal(kept + cut, length);
    assert.ok(length < 12 || packets.length > 0);
  }
});

test('what is no dump is told', async (t) => {
  const file = tempFile(t);
  writeFileSync(file, 'FLV\u0001 and so on, which is no dump');
  await assert.rejects(all(file), /a\.dump is no dump: it has a packet of 1179407873 bytes, allowed are 16777216/);
  await assert.rejects(all(`${file}.none`), /ENOENT/);
});
