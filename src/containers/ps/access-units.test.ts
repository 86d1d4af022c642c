/** Access units cut out of PES packets: how many NAL units one may have, however they are spread over packets. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_NAL_UNITS, splitNalUnits } from '../../media/index.ts';
import { EventList } from '../mpegts/index.ts';
import { AccessUnits } from './access-units.ts';

const START_CODE = Buffer.from([0, 0, 1]);
const SETS = ['6742c00dda0507faac0440000003004000000c83c50aa8', '68ce0fc8'].map((text) => Buffer.from(text, 'hex'));
const KEY = Buffer.from('65888421', 'hex');
const PICTURE = Buffer.from('419a2115', 'hex');
const REST = Buffer.from('41072215', 'hex');
const SUFFIX = Buffer.from('0c80ff', 'hex');

function stream(...units: readonly Buffer[]): Buffer {
  return Buffer.concat(units.flatMap((unit) => [START_CODE, unit]));
}

/** Pushes the access units as packets, each cut into pieces of so many bytes; gives the frames' NAL unit counts and the problems. */
function read(accessUnits: readonly Buffer[], pieceBytes: number) {
  const events = new EventList();
  const reader = new AccessUnits('H264', 0xe0, events);
  for (const [i, bytes] of accessUnits.entries()) {
    reader.push(bytes.subarray(0, pieceBytes), i * 40, i * 40);
    for (let at = pieceBytes; at < bytes.length; at += pieceBytes) reader.append(bytes.subarray(at, at + pieceBytes));
  }
  reader.end();
  const all = events.take();
  const frames = all.flatMap((event) =>
    event.type === 'frame' && event.frame.kind === 'video'
      ? [`${event.frame.key ? 'K' : ''}${event.frame.dts / 40} ${splitNalUnits(event.frame.data).length}`]
      : [],
  );
  const problems = all.flatMap((event) => (event.type === 'excess' ? [event.reason] : []));
  return { frames, problems, dropped: reader.droppedFrames };
}

describe('NAL units of an access unit', () => {
  for (const [name, rest] of [
    ['slices', REST],
    ['what is no slice', SUFFIX],
  ] as const) {
    it(`are as many as there may be, or it is left out with all up to the next key frame: ${name}`, () => {
      const withUnits = (count: number): Buffer[] => [
        stream(...SETS, KEY),
        stream(PICTURE, ...Array.from({ length: count - 1 }, () => rest)),
        stream(PICTURE),
        stream(KEY),
        stream(PICTURE),
      ];
      for (const pieceBytes of [1e6, 65_000, 1000, 7]) {
        const most = read(withUnits(MAX_NAL_UNITS), pieceBytes);
        assert.deepEqual(most, {
          frames: ['K0 1', `1 ${MAX_NAL_UNITS}`, '2 1', 'K3 1', '4 1'],
          problems: [],
          dropped: 0,
        });
        const more = read(withUnits(MAX_NAL_UNITS + 1), pieceBytes);
        assert.deepEqual(more.frames, ['K0 1', 'K3 1', '4 1']);
        assert.deepEqual(more.problems, ['an access unit has 8193 NAL units and more, at most 8192 are allowed']);
        assert.equal(more.dropped, 2);
      }
    });
  }

  it('are counted anew after each excess: a million of them hold nothing', () => {
    const many = stream(...SETS, KEY, ...Array.from({ length: 100_000 }, () => REST));
    const { frames, problems } = read([many, stream(PICTURE), stream(...SETS, KEY)], 65_000);
    assert.deepEqual(frames, ['K2 1']);
    assert.equal(new Set(problems).size, 1);
  });
});
