/** One table of messages and their bytes drives parse, serialize, round trip and the seeds of the garbage test. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { amfEcmaArray, amfObject, serializeAmf0 } from '../../../containers/flv/index.ts';
import { MAX_AMF3_WEIGHT } from '../amf3.ts';
import { RtmpError } from '../error.ts';
import type { RawMessage } from '../raw-message.ts';
import { MAX_AGGREGATE_MESSAGES } from './aggregate.ts';
import type { RtmpMessage } from './message.ts';
import { parseMessage, serializeMessage } from './message.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const META = serializeAmf0('onMetaData', amfEcmaArray({ width: 1280 }));
const SET_DATA_FRAME = serializeAmf0('@setDataFrame');

interface Case {
  readonly name: string;
  readonly raw: RawMessage;
  readonly message: RtmpMessage;
  /** What it is serialized to, where that is not `raw`. */
  readonly out?: RawMessage;
}

const control = (typeId: number, body: string): RawMessage => ({
  typeId,
  streamId: 0,
  timestamp: 0,
  payload: hex(body),
});
const media = (typeId: number, payload: Buffer): RawMessage => ({ typeId, streamId: 1, timestamp: 40, payload });
const at = { streamId: 1, timestamp: 40 } as const;

const CASES: readonly Case[] = [
  { name: 'Set Chunk Size', raw: control(1, '00001000'), message: { type: 'set-chunk-size', size: 4096 } },
  { name: 'Abort', raw: control(2, '00000006'), message: { type: 'abort', csid: 6 } },
  { name: 'Acknowledgement', raw: control(3, 'fffffff0'), message: { type: 'acknowledgement', sequence: 0xfffffff0 } },
  {
    name: 'StreamBegin',
    raw: control(4, '0000 00000001'),
    message: { type: 'user-control', event: 'stream-begin', streamId: 1 },
  },
  {
    name: 'StreamEOF',
    raw: control(4, '0001 00000001'),
    message: { type: 'user-control', event: 'stream-eof', streamId: 1 },
  },
  {
    name: 'StreamDry',
    raw: control(4, '0002 00000001'),
    message: { type: 'user-control', event: 'stream-dry', streamId: 1 },
  },
  {
    name: 'SetBufferLength',
    raw: control(4, '0003 00000001 00000bb8'),
    message: { type: 'user-control', event: 'set-buffer-length', streamId: 1, milliseconds: 3000 },
  },
  {
    name: 'StreamIsRecorded',
    raw: control(4, '0004 00000001'),
    message: { type: 'user-control', event: 'stream-is-recorded', streamId: 1 },
  },
  {
    name: 'PingRequest',
    raw: control(4, '0006 fffffffe'),
    message: { type: 'user-control', event: 'ping-request', timestamp: 0xfffffffe },
  },
  {
    name: 'PingResponse',
    raw: control(4, '0007 00000005'),
    message: { type: 'user-control', event: 'ping-response', timestamp: 5 },
  },
  {
    name: 'a user control event of its own',
    raw: control(4, '001a 01'),
    message: { type: 'user-control', event: 'unknown', eventType: 26, data: hex('01') },
  },
  {
    name: 'Window Acknowledgement Size',
    raw: control(5, '004c4b40'),
    message: { type: 'window-acknowledgement-size', size: 5_000_000 },
  },
  {
    name: 'Set Peer Bandwidth, hard',
    raw: control(6, '004c4b40 00'),
    message: { type: 'set-peer-bandwidth', size: 5_000_000, limit: 'hard' },
  },
  {
    name: 'Set Peer Bandwidth, soft',
    raw: control(6, '004c4b40 01'),
    message: { type: 'set-peer-bandwidth', size: 5_000_000, limit: 'soft' },
  },
  {
    name: 'Set Peer Bandwidth, a limit type that does not exist',
    raw: control(6, '004c4b40 09'),
    message: { type: 'set-peer-bandwidth', size: 5_000_000, limit: 'dynamic' },
    out: control(6, '004c4b40 02'),
  },
  { name: 'Audio', raw: media(8, hex('af0121')), message: { type: 'audio', ...at, payload: hex('af0121') } },
  { name: 'Video', raw: media(9, hex('1701')), message: { type: 'video', ...at, payload: hex('1701') } },
  { name: 'an empty Video', raw: media(9, hex('')), message: { type: 'video', ...at, payload: hex('') } },
  {
    name: 'Data',
    raw: media(18, META),
    message: { type: 'data', ...at, setDataFrame: false, payload: META },
  },
  {
    name: 'Data after @setDataFrame',
    raw: media(18, Buffer.concat([SET_DATA_FRAME, META])),
    message: { type: 'data', ...at, setDataFrame: true, payload: META },
  },
  {
    name: 'Data of type 15 that holds AMF0',
    raw: media(15, Buffer.concat([hex('00'), SET_DATA_FRAME, META])),
    message: { type: 'data', ...at, setDataFrame: true, payload: META },
    out: media(18, Buffer.concat([SET_DATA_FRAME, META])),
  },
  {
    name: 'Data of type 15 that holds AMF3: an array with { width: 1280 }',
    raw: media(
      15,
      Buffer.concat([hex('00'), SET_DATA_FRAME, serializeAmf0('onMetaData'), hex('11 09 01 0b7769647468 048a00 01')]),
    ),
    message: { type: 'data', ...at, setDataFrame: true, payload: META },
    out: media(18, Buffer.concat([SET_DATA_FRAME, META])),
  },
  {
    name: 'Command of type 20',
    raw: { ...media(20, serializeAmf0('publish', 5, null, 'name', 'live')), timestamp: 0 },
    message: {
      type: 'command',
      encoding: 'amf0',
      streamId: 1,
      name: 'publish',
      transactionId: 5,
      object: null,
      args: ['name', 'live'],
    },
  },
  {
    name: 'Command of type 17',
    raw: {
      ...media(17, Buffer.concat([hex('00'), serializeAmf0('connect', 1, amfObject({ app: 'live' }))])),
      timestamp: 0,
    },
    message: {
      type: 'command',
      encoding: 'amf3',
      streamId: 1,
      name: 'connect',
      transactionId: 1,
      object: amfObject({ app: 'live' }),
      args: [],
    },
  },
  {
    name: 'Command of type 17 without the zero byte, its object in AMF3',
    raw: {
      ...media(17, Buffer.concat([serializeAmf0('connect', 1), hex('11 0a 0b 01 07617070 06 096c697665 01')])),
      timestamp: 0,
    },
    message: {
      type: 'command',
      encoding: 'amf3',
      streamId: 1,
      name: 'connect',
      transactionId: 1,
      object: amfObject({ app: 'live' }),
      args: [],
    },
    out: {
      ...media(17, Buffer.concat([hex('00'), serializeAmf0('connect', 1, amfObject({ app: 'live' }))])),
      timestamp: 0,
    },
  },
  {
    name: 'Command with its name alone',
    raw: { ...media(20, serializeAmf0('FCPublish')), timestamp: 0 },
    message: {
      type: 'command',
      encoding: 'amf0',
      streamId: 1,
      name: 'FCPublish',
      transactionId: 0,
      object: null,
      args: [],
    },
    out: { ...media(20, serializeAmf0('FCPublish', 0, null)), timestamp: 0 },
  },
  {
    name: 'Aggregate, its messages moved to its own time',
    raw: media(22, hex('08 000002 0003e8 00 000000 af01 0000000d  09 000001 0003fc 00 000009 17 0000000c')),
    message: {
      type: 'aggregate',
      ...at,
      messages: [
        { type: 'audio', streamId: 1, timestamp: 40, payload: hex('af01') },
        { type: 'video', streamId: 1, timestamp: 60, payload: hex('17') },
      ],
    },
    out: media(22, hex('08 000002 000028 00 000000 af01 0000000d  09 000001 00003c 00 000000 17 0000000c')),
  },
  {
    name: 'Aggregate over the wrap of time, with a type of no use and no last back pointer',
    raw: media(
      22,
      hex('12 000001 fffff0 ff 000000 aa 0000000c  63 000000 000000 00 000000 0000000b  09 000000 000000 00 000000'),
    ),
    message: {
      type: 'aggregate',
      ...at,
      messages: [
        { type: 'data', streamId: 1, timestamp: 40, setDataFrame: false, payload: hex('aa') },
        { type: 'video', streamId: 1, timestamp: 56, payload: hex('') },
      ],
    },
    out: media(22, hex('12 000001 000028 00 000000 aa 0000000c  09 000000 000038 00 000000 0000000b')),
  },
  { name: 'an empty Aggregate', raw: media(22, hex('')), message: { type: 'aggregate', ...at, messages: [] } },
  {
    name: 'a shared object',
    raw: media(19, hex('0102')),
    message: { type: 'unknown', typeId: 19, ...at, payload: hex('0102') },
  },
  {
    name: 'a type that does not exist',
    raw: media(99, hex('01')),
    message: { type: 'unknown', typeId: 99, ...at, payload: hex('01') },
  },
];

for (const { name, raw, message, out } of CASES) {
  test(`${name}: parse, serialize, round trip`, () => {
    assert.deepEqual(parseMessage(raw), message);
    assert.deepEqual(serializeMessage(message), out ?? raw);
    assert.deepEqual(parseMessage(serializeMessage(message)), message);
  });
}

for (const { name, raw, says } of [
  { name: 'Acknowledgement', raw: control(3, '000000'), says: /Acknowledgement of 3 bytes, at least 4 expected/ },
  { name: 'Abort', raw: control(2, ''), says: /Abort of 0 bytes/ },
  { name: 'Window Acknowledgement Size', raw: control(5, '00'), says: /of 1 bytes, at least 4/ },
  { name: 'Set Peer Bandwidth', raw: control(6, '00000000'), says: /of 4 bytes, at least 5/ },
  { name: 'User Control', raw: control(4, '00'), says: /of 1 bytes, at least 2/ },
  { name: 'StreamBegin', raw: control(4, '0000 0000'), says: /of 4 bytes, at least 6/ },
  { name: 'SetBufferLength', raw: control(4, '0003 00000000'), says: /of 6 bytes, at least 10/ },
  { name: 'Ping', raw: control(4, '0006'), says: /of 2 bytes, at least 6/ },
  { name: 'an empty command', raw: control(20, ''), says: /begins with nothing, its name \(a string\) expected/ },
  { name: 'a command named by a number', raw: control(20, '00 0000000000000000'), says: /begins with the number 0/ },
  { name: 'a truncated object', raw: control(20, '020001 61 03 0001 61'), says: /ends early/ },
  {
    name: 'a truncated array',
    raw: control(20, '020001 61 0a ffffffff 05'),
    says: /AMF0 values in one message, at most 65536/,
  },
  { name: 'a truncated AMF3 string', raw: control(17, '00 11 06 ff'), says: /AMF3 ends early/ },
  { name: 'an AMF3 circle', raw: control(15, '00 11 09 03 01 09 00'), says: /lies within itself/ },
  { name: 'an aggregate cut in a header', raw: control(22, '08 000002'), says: /within a header: 4 of 11 bytes/ },
  {
    name: 'an aggregate that promises more',
    raw: control(22, '08 000009 000000 00 000000 00'),
    says: /of 9 bytes .* has 1 left/,
  },
]) {
  test(`malformed: ${name}`, () => {
    assert.throws(
      () => parseMessage(raw),
      (error) => error instanceof RtmpError && error.reason === 'malformed' && says.test(error.message),
    );
  });
}

test('nesting has a limit', () => {
  for (const level of ['0a 00000001', '03 0001 61', '11 09 03 01 0a 0b 01 03 61']) {
    const payload = Buffer.concat([hex('020001 61'), hex(level.repeat(100_000 / level.length))]);
    assert.throws(() => parseMessage({ ...control(20, ''), payload }), RtmpError);
  }
  const payload = Buffer.concat([hex('020001 61 11'), hex('09 03 01'.repeat(10_000))]);
  assert.throws(() => parseMessage({ ...control(20, ''), payload }), /lie 33 deep in each other, at most 32/);
});

/** An AMF3 array of a string of `length` characters, and so many references to it. */
function repeated(length: number, references: number): Buffer {
  const [dense, bytes] = [references + 1, length].map((count) =>
    Buffer.from([0x80 | (count >> 6), ((count << 1) | 1) & 0x7f]),
  );
  return Buffer.concat([
    ...[hex('11 09'), dense ?? hex(''), hex('01 06'), bytes ?? hex(''), Buffer.alloc(length, 'a')],
    Buffer.alloc(2 * references, hex('06 00')),
  ]);
}

test('what AMF3 values stand for is counted over all of a message, and of an aggregate', () => {
  const one = repeated(4000, 800);
  const parsed = parseMessage({ ...control(15, ''), payload: one });
  assert.ok(parsed.type === 'data' && parsed.payload.length > 3_000_000);
  const tooLarge = (error: unknown): boolean =>
    error instanceof RtmpError && error.reason === 'malformed' && error.message.includes(String(MAX_AMF3_WEIGHT));
  assert.throws(() => parseMessage({ ...control(15, ''), payload: Buffer.concat([one, one]) }), tooLarge);
  assert.throws(
    () => parseMessage({ ...control(17, ''), payload: Buffer.concat([hex('020001 61'), one, one]) }),
    tooLarge,
  );
  const header = hex('0f 000000 000000 00 000000');
  header.writeUIntBE(one.length, 1, 3);
  const inner = Buffer.concat([header, one, hex('00000000')]);
  assert.throws(() => parseMessage({ ...control(22, ''), payload: Buffer.concat([inner, inner]) }), tooLarge);
});

test('an aggregate has so many messages, and not one more', () => {
  const empty = hex('08 000000 000000 00 000000 0000000b');
  const aggregate = (count: number): RawMessage => media(22, Buffer.alloc(count * empty.length, empty));
  const parsed = parseMessage(aggregate(MAX_AGGREGATE_MESSAGES));
  assert.ok(parsed.type === 'aggregate' && parsed.messages.length === MAX_AGGREGATE_MESSAGES);
  assert.throws(
    () => parseMessage(aggregate(MAX_AGGREGATE_MESSAGES + 1)),
    (error) =>
      error instanceof RtmpError && error.reason === 'limit' && error.message.includes(String(MAX_AGGREGATE_MESSAGES)),
  );
});

test('bodies of any bytes, and the cases above with bytes changed, give messages or typed errors', () => {
  const anyRaw = fc.oneof(
    fc.record({ typeId: fc.nat(30), payload: fc.uint8Array({ maxLength: 200 }) }),
    fc
      .record({ of: fc.constantFrom(...CASES), at: fc.nat(), value: fc.nat(255), cut: fc.nat(3) })
      .map(({ of, at: index, value, cut }) => {
        const payload = Buffer.from(of.raw.payload.subarray(0, Math.max(0, of.raw.payload.length - cut)));
        if (payload.length > 0) payload[index % payload.length] = value;
        return { typeId: of.raw.typeId, payload };
      }),
  );
  fc.assert(
    fc.property(anyRaw, ({ typeId, payload }) => {
      try {
        const message = parseMessage({ typeId, streamId: 1, timestamp: 40, payload: Buffer.from(payload) });
        assert.equal(typeof message.type, 'string');
      } catch (error) {
        assert.ok(error instanceof RtmpError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});
