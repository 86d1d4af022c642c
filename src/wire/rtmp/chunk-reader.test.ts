/** The chunk reader against hand-made chunks: every header form, every limit, and what peers get wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { everySplit } from '../../media/every-split.fixture.ts';
import type { ChunkReaderOptions } from './chunk-reader.ts';
import { ChunkReader, MAX_CHUNK_STREAMS } from './chunk-reader.ts';
import { chunkMessage } from './chunk-writer.ts';
import { RtmpError } from './error.ts';
import type { RawMessage } from './raw-message.ts';

const NONE = Buffer.alloc(0);
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const fill = (size: number, value = 0xaa): Buffer => Buffer.alloc(size, value);
const setChunkSize = (size: number): Buffer => Buffer.concat([hex('02 000000 000004 01 00000000'), uint32(size)]);

function uint32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value, 0);
  return out;
}

interface Outcome {
  messages: RawMessage[];
  error: string | null;
}

/** All messages, and the error that ended them. */
function read(pieces: Buffer[], options: ChunkReaderOptions = {}): Outcome {
  const reader = new ChunkReader(options);
  const messages: RawMessage[] = [];
  try {
    for (const piece of pieces) {
      reader.push(piece);
      for (let message = reader.next(); message !== null; message = reader.next()) messages.push(message);
    }
  } catch (error) {
    assert.ok(error instanceof RtmpError, String(error));
    assert.throws(() => reader.next(), error, 'the error stays');
    return { messages, error: `${error.reason}: ${error.message}` };
  }
  return { messages, error: null };
}

function readAll(...parts: Buffer[]): RawMessage[] {
  const { messages, error } = everySplit(Buffer.concat(parts), (pieces) => read(pieces));
  assert.equal(error, null);
  return messages;
}

function readError(...parts: Buffer[]): string {
  return everySplit(Buffer.concat(parts), (pieces) => read(pieces)).error ?? 'no error';
}

const times = (messages: RawMessage[]): number[] => messages.map((message) => message.timestamp);

test('type 0, then 1, 2 and 3: each takes over what it leaves out', () => {
  const messages = readAll(
    hex('04 0003e8 000002 08 01000000 aaaa'),
    hex('44 000017 000001 09 bb'),
    hex('84 000018 cc'),
    hex('c4 dd'),
  );
  assert.deepEqual(messages, [
    { typeId: 8, streamId: 1, timestamp: 1000, payload: hex('aaaa') },
    { typeId: 9, streamId: 1, timestamp: 1023, payload: hex('bb') },
    { typeId: 9, streamId: 1, timestamp: 1047, payload: hex('cc') },
    { typeId: 9, streamId: 1, timestamp: 1071, payload: hex('dd') },
  ]);
});

test('a type 3 chunk that begins a message after type 0 adds that timestamp (as ffmpeg sends it)', () => {
  assert.deepEqual(times(readAll(hex('04 000028 000001 08 01000000 aa'), hex('c4 bb'), hex('c4 cc'))), [40, 80, 120]);
});

test('a first header of type 1 is taken, as librtmp sends its pings', () => {
  assert.deepEqual(readAll(hex('42 000000 000006 04 0007 00000005')), [
    { typeId: 4, streamId: 0, timestamp: 0, payload: hex('0007 00000005') },
  ]);
});

test('chunk stream ids in all three forms', () => {
  const header = hex('000001 000001 08 01000000 aa');
  const messages = readAll(
    Buffer.concat([hex('3f'), header]),
    Buffer.concat([hex('00 00'), header]),
    Buffer.concat([hex('00 ff'), header]),
    Buffer.concat([hex('01 00 01'), header]),
    Buffer.concat([hex('01 ff ff'), header]),
    // 64 in the 2-byte form and 64 in the 3-byte form are one chunk stream, 319 likewise.
    hex('81 00 00 000002 bb'),
    hex('81 ff 00 000003 cc'),
    hex('c1 ff ff dd'),
  );
  assert.deepEqual(times(messages), [1, 1, 1, 1, 1, 3, 4, 2]);
});

test('a message over many chunks, interleaved with another', () => {
  const messages = readAll(
    hex('06 000001 00012c 09 01000000'),
    fill(128, 1),
    hex('04 000002 000081 08 01000000'),
    fill(128, 9),
    hex('c6'),
    fill(128, 2),
    hex('c4 09'),
    hex('c6'),
    fill(44, 3),
  );
  assert.deepEqual(messages, [
    { typeId: 8, streamId: 1, timestamp: 2, payload: fill(129, 9) },
    { typeId: 9, streamId: 1, timestamp: 1, payload: Buffer.concat([fill(128, 1), fill(128, 2), fill(44, 3)]) },
  ]);
});

test('empty messages come out', () => {
  assert.deepEqual(times(readAll(hex('04 000005 000000 08 01000000'), hex('84 000001'), hex('c4'))), [5, 6, 7]);
});

test('Set Chunk Size holds from the next chunk on, also within a message', () => {
  const messages = readAll(
    hex('06 000001 00010a 09 01000000'),
    fill(128, 1),
    setChunkSize(10),
    hex('c6'),
    fill(10, 2),
    setChunkSize(1000),
    hex('c6'),
    fill(128, 3),
  );
  assert.deepEqual(messages.at(-1)?.payload, Buffer.concat([fill(128, 1), fill(10, 2), fill(128, 3)]));
});

test('chunk sizes that are refused, with value and limit', () => {
  assert.match(readError(setChunkSize(0x7fffffff)), /limit: Set Chunk Size 2147483647, 1 to 16777216 allowed/);
  assert.match(readError(setChunkSize(0)), /limit: Set Chunk Size 0,/);
  assert.match(readError(setChunkSize(0x80000080)), /limit: Set Chunk Size 2147483776,/);
  assert.match(readError(hex('02 000000 000002 01 00000000 0010')), /malformed: Set Chunk Size of 2 bytes, at least 4/);
  assert.equal(readError(setChunkSize(1), setChunkSizeInChunksOf1(0x1000000)), 'no error');
});

/** The four bytes of the body each in a chunk of its own. */
function setChunkSizeInChunksOf1(size: number): Buffer {
  return chunkMessage(2, 1, 0, 0, NONE, uint32(size), 1);
}

test('type 2 and 3 chunks with no header before them are errors', () => {
  assert.match(readError(hex('c5')), /bad-chunk: a type 3 chunk on chunk stream 5, which had no header before it/);
  assert.match(readError(hex('85 000000')), /bad-chunk: a type 2 chunk on chunk stream 5/);
  assert.match(readError(hex('04 000000 000001 08 01000000 aa'), hex('c0 64')), /chunk stream 164/);
});

test('Abort in mid-message: the rest is never awaited, the header stays', () => {
  const messages = readAll(
    hex('06 00000a 000100 09 01000000'),
    fill(128, 1),
    hex('02 000000 000004 02 00000000 00000006'),
    hex('46 000005 000001 09 77'),
    // Of chunk streams that have nothing in progress, or do not exist.
    hex('02 000000 000004 02 00000000 00000006'),
    hex('02 000000 000004 02 00000000 ffffffff'),
    hex('c6 78'),
  );
  assert.deepEqual(times(messages.filter((message) => message.typeId === 9)), [15, 20]);
});

test('after Abort a type 3 chunk begins a new message', () => {
  const messages = readAll(
    hex('06 00000a 000081 09 01000000'),
    fill(128, 1),
    hex('02 000000 000004 02 00000000 00000006'),
    hex('c6'),
    fill(128, 2),
    hex('c6 02'),
  );
  assert.deepEqual(messages.at(-1), { typeId: 9, streamId: 1, timestamp: 20, payload: fill(129, 2) });
});

test('a header in the midst of a message: its own is let pass, another is an error', () => {
  const begin = Buffer.concat([hex('06 00000a 000081 09 01000000'), fill(128, 1)]);
  const same = readAll(begin, hex('46 000007 000081 09 01'));
  assert.deepEqual(same, [{ typeId: 9, streamId: 1, timestamp: 10, payload: fill(129, 1) }]);
  const error = readError(begin, hex('06 00000a 000082 09 01000000'));
  assert.match(error, /bad-chunk: a type 0 header \(130 bytes, type 9\) on chunk stream 6 amid .* 128 bytes had come/);
});

test('extended timestamps: absolute, as delta, and repeated in continuation chunks', () => {
  const messages = readAll(
    hex('04 ffffff 000081 08 01000000 00ffffff'),
    fill(128, 1),
    hex('c4 00ffffff 01'),
    hex('44 ffffff 000081 08 01000000'),
    fill(128, 2),
    hex('c4 01000000 02'),
    hex('44 000010 000001 08 03'),
  );
  assert.deepEqual(times(messages), [0xffffff, 0x1ffffff, 0x200000f]);
  assert.deepEqual(messages[0]?.payload, fill(129, 1));
  assert.deepEqual(messages[1]?.payload, fill(129, 2));
});

test('extended timestamps that continuation chunks do not repeat, or repeat as absolute time', () => {
  const begin = Buffer.concat([hex('04 ffffff 000083 08 01000000 01020304'), fill(128, 1)]);
  assert.deepEqual(readAll(begin, hex('c4 010101'))[0]?.payload, fill(131, 1));
  // Three bytes that differ from the time in the second: nothing waits for a fourth. Three that do not differ: it does.
  const like = (last: string): RawMessage[] => readAll(begin, hex('c4'), hex(last));
  assert.deepEqual(like('010303')[0]?.payload.subarray(128), hex('010303'));
  assert.deepEqual(like('010203'), []);
  assert.deepEqual(like('01020304 0a0b0c')[0]?.payload.subarray(128), hex('0a0b0c'));
  const delta = Buffer.concat([hex('44 ffffff 000082 08 01000000'), fill(128, 2)]);
  const absolute = readAll(begin, hex('c4 010101'), delta, hex('c4 02020304 0202'));
  assert.deepEqual(absolute[1], { typeId: 8, streamId: 1, timestamp: 0x02020304, payload: fill(130, 2) });
});

test('timestamps wrap at 2^32, forward and back', () => {
  const messages = readAll(
    hex('04 ffffff 000001 08 01000000 fffffff0 aa'),
    hex('84 000020 aa'),
    hex('84 ffffff ffffffe0 aa'),
  );
  assert.deepEqual(times(messages), [0xfffffff0, 0x10, 0xfffffff0]);
});

test('limits: message length, chunk streams, memory for half-received messages', () => {
  const long = read([hex('04 000000 00ffff 08 01000000')], { maxMessageLength: 1000 });
  assert.match(long.error ?? '', /limit: a message of 65535 bytes \(type 8\), at most 1000 allowed/);

  const streams: Buffer[] = [];
  for (let csid = 64; csid < 64 + MAX_CHUNK_STREAMS; csid++) {
    streams.push(Buffer.from([1, (csid - 64) & 0xff, (csid - 64) >> 8]), hex('000001 000001 08 01000000 aa'));
  }
  const many = read([Buffer.concat(streams), hex('03 000001 000001 08 01000000 aa')]);
  assert.equal(many.messages.length, MAX_CHUNK_STREAMS);
  assert.match(many.error ?? '', /limit: chunk stream 3 is one more than the 1024 allowed/);

  const half = Buffer.concat([hex('000001 010000 08 01000000'), fill(128)]);
  const pending = read([Buffer.concat([hex('04'), half, hex('05'), half])], { maxPendingBytes: 100_000 });
  assert.match(pending.error ?? '', /limit: half-received messages need 131072 bytes, at most 100000 allowed/);
});

test('other limits hold from the next message on', () => {
  const reader = new ChunkReader({ maxMessageLength: 10 });
  reader.push(hex('04 000000 00000a 08 01000000'));
  assert.equal(reader.next(), null);
  reader.allow({ maxMessageLength: 20 });
  reader.push(Buffer.concat([fill(10), hex('04 000000 000014 08 01000000'), fill(20)]));
  assert.deepEqual([reader.next()?.payload.length, reader.next()?.payload.length], [10, 20]);
  reader.allow({ maxMessageLength: 19 });
  reader.push(hex('04 000000 000014 08 01000000'));
  assert.throws(() => reader.next(), /a message of 20 bytes \(type 8\), at most 19 allowed/);
});

test('memory follows the bytes that came, not the length announced, and is given back', () => {
  const reader = new ChunkReader();
  reader.push(setChunkSize(0x1000000));
  assert.equal(reader.next()?.typeId, 1);
  reader.push(hex('06 000001 ffffff 09 01000000'));
  assert.equal(reader.next(), null);
  assert.equal(reader.pendingBytes, 0);
  reader.push(fill(1000));
  assert.equal(reader.next(), null);
  assert.equal(reader.pendingBytes, 65536);
  reader.push(fill(100_000));
  assert.equal(reader.next(), null);
  assert.equal(reader.pendingBytes, 131072);
  reader.push(fill(0xffffff - 101_000));
  assert.equal(reader.next()?.payload.length, 0xffffff);
  assert.equal(reader.pendingBytes, 0);

  const aborted = new ChunkReader();
  aborted.push(Buffer.concat([hex('06 000001 001000 09 01000000'), fill(128)]));
  assert.equal(aborted.next(), null);
  assert.equal(aborted.pendingBytes, 4096);
  aborted.push(hex('02 000000 000004 02 00000000 00000006'));
  assert.equal(aborted.next()?.typeId, 2);
  assert.equal(aborted.pendingBytes, 0);
});

test('a payload whole in one chunk of one push is a view of it', () => {
  const reader = new ChunkReader();
  const bytes = hex('04 000000 000003 08 01000000 010203');
  reader.push(bytes);
  const payload = reader.next()?.payload;
  assert.ok(payload !== undefined);
  bytes[12] = 0xee;
  assert.deepEqual(payload, hex('ee0203'));
});

test('any messages, chunked at any size and interleaved in any way, come out as they went in', () => {
  const anyMessage = fc.record({
    csid: fc.constantFrom(3, 4, 63, 64, 319, 320, 65599),
    typeId: fc.constantFrom(8, 9, 18, 20, 22, 99),
    streamId: fc.constantFrom(0, 1, 0xfffffffe),
    timestamp: fc.oneof(fc.nat(), fc.constantFrom(0, 0xfffffe, 0xffffff, 0x1000000, 0xffffffff)),
    prefix: fc.uint8Array({ maxLength: 20 }),
    body: fc.uint8Array({ maxLength: 700 }),
  });
  fc.assert(
    fc.property(
      fc.array(anyMessage, { minLength: 1, maxLength: 12 }),
      fc.constantFrom(1, 2, 7, 128, 4096),
      fc.infiniteStream(fc.nat(100)),
      (sent, chunkSize, choices) => {
        const input: Buffer[] = [setChunkSize(chunkSize)];
        const expected: RawMessage[] = [];
        // Each message's chunks in a row, per chunk stream; then one chunk of any stream at a time.
        const waiting = new Map<number, { chunks: Buffer[]; message: RawMessage }[]>();
        for (const one of sent) {
          const body = Buffer.from(one.body);
          const bytes = chunkMessage(one.csid, one.typeId, one.streamId, one.timestamp, one.prefix, body, chunkSize);
          const payload = Buffer.concat([one.prefix, body]);
          const message = { typeId: one.typeId, streamId: one.streamId, timestamp: one.timestamp, payload };
          const row = waiting.get(one.csid) ?? [];
          row.push({ chunks: cutIntoChunks(bytes, one.csid, one.timestamp, payload.length, chunkSize), message });
          waiting.set(one.csid, row);
        }
        while (waiting.size > 0) {
          const csids = [...waiting.keys()];
          const csid = csids[choices.next().value % csids.length] ?? 0;
          const row = waiting.get(csid) ?? [];
          const first = row[0];
          const chunk = first?.chunks.shift();
          if (chunk !== undefined) input.push(chunk);
          if (first !== undefined && first.chunks.length === 0) {
            expected.push(first.message);
            row.shift();
          }
          if (row.length === 0) waiting.delete(csid);
        }
        const all = Buffer.concat(input);
        const cut = choices.next().value % all.length;
        const { messages, error } = read([all.subarray(0, cut), all.subarray(cut)]);
        assert.equal(error, null);
        assert.deepEqual(messages.slice(1), expected);
      },
    ),
  );
});

/** Where the chunks of a serialized message begin follows from the sizes alone; adds up to the whole, or the test fails. */
function cutIntoChunks(bytes: Buffer, csid: number, time: number, length: number, chunkSize: number): Buffer[] {
  const basic = csid < 64 ? 1 : csid < 320 ? 2 : 3;
  const extended = time >= 0xffffff ? 4 : 0;
  const chunks: Buffer[] = [];
  let at = 0;
  for (let done = 0; at === 0 || done < length; done += chunkSize) {
    const size = basic + (at === 0 ? 11 : 0) + extended + Math.min(chunkSize, length - done);
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  assert.equal(at, bytes.length);
  return chunks;
}

test('garbage gives messages or typed errors, never anything else, and the same in every cut', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.integer({ min: 1, max: 50 }), (garbage, size) => {
      const bytes = Buffer.from(garbage);
      const pieces: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
      assert.deepEqual(read(pieces), read([bytes]));
    }),
    { numRuns: 300 },
  );
});
