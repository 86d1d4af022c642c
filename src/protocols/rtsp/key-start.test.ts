import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serializeInterleaved } from '../../wire/rtsp/index.ts';
import { bringsKeyFrame } from './key-start.ts';

function batch(channel: number, ...payloads: readonly number[][]): Buffer {
  const header = [0x80, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
  return Buffer.concat(payloads.map((payload) => serializeInterleaved(channel, Buffer.from([...header, ...payload]))));
}

test('key frames, whole and in fragments, behind their parameter sets or not', () => {
  const rows: readonly (readonly [what: string, codec: 'H264' | 'H265', payloads: number[][], isKey: boolean])[] = [
    ['IDR', 'H264', [[0x65, 1]], true],
    [
      'parameter sets, then a fragment of an IDR',
      'H264',
      [
        [0x67, 1],
        [0x68, 1],
        [0x7c, 0x85, 1],
      ],
      true,
    ],
    ['a later fragment', 'H264', [[0x7c, 0x05, 1]], true],
    ['another picture', 'H264', [[0x41, 1]], false],
    ['a fragment of another picture', 'H264', [[0x7c, 0x81, 1]], false],
    ['nothing', 'H264', [[]], false],
    ['IDR', 'H265', [[0x26, 1, 1]], true],
    ['CRA', 'H265', [[0x2a, 1, 1]], true],
    ['a fragment of an IDR', 'H265', [[0x62, 1, 0x93, 1]], true],
    ['another picture', 'H265', [[0x02, 1, 1]], false],
    ['a fragment of another picture', 'H265', [[0x62, 1, 0x81, 1]], false],
    ['nothing', 'H265', [[]], false],
  ];
  for (const [what, codec, payloads, isKey] of rows) {
    assert.equal(bringsKeyFrame(batch(4, ...payloads), 4, codec), isKey, `${codec}: ${what}`);
    assert.equal(bringsKeyFrame(batch(5, ...payloads), 4, codec), false);
  }
});
