/** The bytes of chunks, written down by hand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChunkWriter, chunkMessage } from './chunk-writer.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const NONE = Buffer.alloc(0);

const CASES: readonly { name: string; args: Parameters<typeof chunkMessage>; bytes: string }[] = [
  {
    name: 'one chunk, prefix and payload',
    args: [4, 8, 1, 1000, hex('af01'), hex('2122'), 128],
    bytes: '04 0003e8 000004 08 01000000 af01 2122',
  },
  {
    name: 'exactly one chunk',
    args: [6, 9, 1, 0, NONE, hex('010203'), 3],
    bytes: '06 000000 000003 09 01000000 010203',
  },
  {
    name: 'a prefix over two chunks',
    args: [6, 9, 1, 0, hex('0102030405'), hex('060708'), 3],
    bytes: '06 000000 000008 09 01000000 010203 c6 040506 c6 0708',
  },
  {
    name: 'an extended timestamp, before each continuation too',
    args: [6, 9, 1, 0xffffff, NONE, hex('01020304'), 3],
    bytes: '06 ffffff 000004 09 01000000 00ffffff 010203 c6 00ffffff 04',
  },
  {
    name: 'a negative timestamp',
    args: [6, 9, 1, -2, NONE, hex('01'), 3],
    bytes: '06 ffffff 000001 09 01000000 fffffffe 01',
  },
  {
    name: 'a chunk stream of two bytes',
    args: [319, 9, 0x01020304, 0, NONE, hex('0102'), 1],
    bytes: '00ff 000000 000002 09 04030201 01 c0ff 02',
  },
  {
    name: 'a chunk stream of three bytes',
    args: [320, 9, 1, 0, NONE, hex('0102'), 1],
    bytes: '010001 000000 000002 09 01000000 01 c10001 02',
  },
  { name: 'an empty message', args: [3, 20, 0, 7, NONE, NONE, 128], bytes: '03 000007 000000 14 00000000' },
];

for (const { name, args, bytes } of CASES) {
  test(name, () => {
    assert.deepEqual(chunkMessage(...args), hex(bytes));
  });
}

test('the writer keeps the chunk size that it announced, from the next message on', () => {
  const writer = new ChunkWriter();
  assert.deepEqual(writer.write({ type: 'set-chunk-size', size: 2 }), hex('02 000000 000004 01 00000000 00000002'));
  assert.deepEqual(
    writer.write({ type: 'set-chunk-size', size: 4096 }),
    hex('02 000000 000004 01 00000000 0000 c2 1000'),
  );
  assert.deepEqual(
    writer.write({ type: 'acknowledgement', sequence: 5 }),
    hex('02 000000 000004 03 00000000 00000005'),
  );
});

test('each kind of message goes on its own chunk stream', () => {
  const writer = new ChunkWriter();
  const at = { streamId: 1, timestamp: 0, payload: hex('01') };
  assert.equal(writer.write({ type: 'audio', ...at })[0], 4);
  assert.equal(writer.write({ type: 'video', ...at })[0], 6);
  assert.equal(writer.write({ type: 'data', setDataFrame: false, ...at })[0], 5);
  assert.equal(writer.write({ type: 'user-control', event: 'stream-begin', streamId: 1 })[0], 2);
  assert.equal(
    writer.write({
      type: 'command',
      encoding: 'amf0',
      streamId: 0,
      name: 'a',
      transactionId: 0,
      object: null,
      args: [],
    })[0],
    3,
  );
});
