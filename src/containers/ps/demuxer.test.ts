/** Program streams to frames: in the ways that cameras write them, with loss, garbage and hostile lengths. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type CameraMedia,
  film,
  lengthPacket,
  nalUnits,
  type PsStyle,
  packHeader,
  pesPacket,
  programStreamMap,
  psPack,
} from '../../../test/support/ps.ts';
import { everySplit } from '../../media/every-split.fixture.ts';
import { splitNalUnits } from '../../media/index.ts';
import type { TsEvent } from '../mpegts/index.ts';
import { MAX_ACCESS_UNIT_BYTES } from './access-units.ts';
import { demux, type Outcome, outcome } from './demux.fixture.ts';
import { PsDemuxer } from './demuxer.ts';

const SECONDS = 2;
const h264Aac = film('h264', 'aac', SECONDS);
const h265G711 = film('h265', 'pcma', SECONDS);
const MEDIA: Record<string, CameraMedia> = {
  'H264 and AAC': h264Aac,
  'H265 and G711A': h265G711,
  'H264 and G711U': film('h264', 'pcmu', SECONDS),
};
const g711u = film(null, 'pcmu', SECONDS);

function write(media: CameraMedia, style?: PsStyle): Buffer {
  return Buffer.concat(media.frames.map((frame) => psPack(media, frame, style)));
}

/** Wants all of the film's frames, each with its bytes and times. */
function assertFilm(media: CameraMedia, { tracks, frames, problems, skipped }: Outcome, firstTicks = 0): void {
  assert.deepEqual({ problems, skipped }, { problems: [], skipped: 0 });
  for (const kind of ['video', 'audio'] as const) {
    const found = frames.filter((frame) => frame.kind === kind);
    const filmed = media.frames.filter((frame) => frame.kind === kind);
    assert.equal(found.length, filmed.length, kind);
    for (const [i, frame] of found.entries()) {
      const original = filmed[i];
      assert.ok(original);
      assert.ok(Math.abs(frame.dts - (original.ticks + firstTicks) / 90) < 0.02, `${kind} ${i} at ${frame.dts}`);
      assert.equal(frame.pts, frame.dts);
      if (frame.kind === 'video') {
        assert.equal(frame.key, original.isKey);
        const units = nalUnits(original.data).map((unit) => unit.subarray(4));
        const isParameterSet = media.video === 'h264' ? isH264ParameterSet : isH265ParameterSet;
        assert.deepEqual(
          splitNalUnits(frame.data),
          units.filter((unit) => !isParameterSet(unit)),
        );
      } else {
        assert.ok(original.data.subarray(media.audio === 'aac' ? 7 : 0).equals(frame.data));
      }
    }
  }
  const { video, audio } = tracks;
  assert.deepEqual([video?.codec, video?.width, video?.height], [media.video?.toUpperCase(), 320, 240]);
  assert.equal(audio?.codec, media.audio?.toUpperCase());
  if (media.audio !== 'aac') assert.deepEqual([audio?.sampleRate, audio?.channels], [8000, 1]);
}

const isH264ParameterSet = (unit: Buffer): boolean => [7, 8].includes((unit[0] ?? 0) & 0x1f);
const isH265ParameterSet = (unit: Buffer): boolean => [32, 33, 34].includes((unit[0] ?? 0) >> 1);

describe('what cameras write', () => {
  const styles: Record<string, PsStyle> = {
    'one packet an access unit': {},
    'a packet for each NAL unit, the first with the pts': { pesPerNal: true },
    'a packet for each NAL unit, all with the pts': { pesPerNal: true, repeatPts: true },
    'packets of 500 bytes, all with the pts': { maxPesBytes: 500, repeatPts: true },
    'packets of 500 bytes, the first with the pts': { maxPesBytes: 500 },
    'video packets that do not say their length': { openPes: true },
    'a packet without its length for each NAL unit': { openPes: true, pesPerNal: true },
    'private packets, padding and stuffing': { extras: true },
  };
  for (const [name, media] of Object.entries(MEDIA)) {
    for (const [how, style] of Object.entries(styles)) {
      it(`${name}: ${how}`, () => assertFilm(media, demux(write(media, style))));
    }
  }

  it('no program stream map: the codecs are told by their content', () => {
    for (const style of [{}, { openPes: true, pesPerNal: true }]) {
      assertFilm(h264Aac, demux(write(h264Aac, { ...style, noMap: true })));
    }
    const { tracks, frames, problems } = demux(write(h265G711, { noMap: true }));
    assert.deepEqual([tracks.video?.codec, tracks.audio?.codec, problems], ['H265', 'PCMA', []]);
    assert.equal(frames.filter(({ kind }) => kind === 'video').length, SECONDS * 25);
  });

  it('audio alone', () => {
    const { tracks, frames } = demux(write(g711u));
    assert.deepEqual([tracks.video, tracks.audio?.codec, frames.length], [null, 'PCMU', SECONDS * 25]);
  });

  it('the clock wraps at 33 bits', () => {
    const first = 2 ** 33 - 90_000;
    const shifted = { ...h264Aac, frames: h264Aac.frames.map((frame) => ({ ...frame, ticks: frame.ticks + first })) };
    assertFilm(h264Aac, demux(write(shifted)), first);
  });

  it('an access unit of several hundred KB, in packets of 64 KB', () => {
    const [key] = h264Aac.frames.filter(({ isKey }) => isKey);
    assert.ok(key);
    const slice = Buffer.concat([Buffer.from([0, 0, 0, 1, 0x65, 0xb8]), Buffer.alloc(700_000, 0x5a)]);
    const frame = { ...key, data: Buffer.concat([...nalUnits(key.data).slice(0, 2), slice]) };
    for (const style of [{}, { openPes: true }, { repeatPts: true }]) {
      const { frames } = demux(psPack(h264Aac, frame, style), psPack(h264Aac, { ...frame, ticks: 3600 }, style));
      assert.deepEqual(
        frames.map(({ data, dts }) => [data.length, dts]),
        [0, 40].map((dts) => [slice.length, dts]),
      );
    }
  });

  it('hundreds of access units in one packet are the same as in packets of their own', () => {
    const slice = (i: number): Buffer =>
      Buffer.from([0, 0, 0, 1, i === 0 ? 0x65 : 0x41, 0x80 | (i & 0x7f), 1 + (i >> 7), 1]);
    const slices = Array.from({ length: 500 }, (_, i) => slice(i));
    const first = Buffer.concat(
      h264Aac.frames
        .filter(({ isKey }) => isKey)
        .slice(0, 1)
        .map(({ data }) => data),
    );
    const header = packHeader(0);
    const alone = demux(header, pesPacket(0xe0, first, 0), ...slices.map((each) => pesPacket(0xe0, each, null)));
    const together = demux(header, pesPacket(0xe0, Buffer.concat([first, ...slices]), 0));
    assert.equal(together.frames.length, 501);
    assert.deepEqual(together, alone);
  });

  it('ADTS frames that straddle packets', () => {
    const audio = h264Aac.frames.filter(({ kind }) => kind === 'audio');
    const bytes = Buffer.concat(audio.map(({ data }) => data));
    const packets: Buffer[] = [packHeader(0), programStreamMap(h264Aac)];
    for (let at = 0; at < bytes.length; at += 700)
      packets.push(pesPacket(0xc0, bytes.subarray(at, at + 700), at === 0 ? 0 : null));
    const { frames, problems } = demux(...packets);
    assert.deepEqual([frames.length, problems], [audio.length, []]);
    frames.forEach(({ dts }, i) => {
      assert.ok(Math.abs(dts - (audio[i]?.ticks ?? 0) / 90) < 0.1);
    });
  });

  it('the map comes after audio has begun, and says what it is', () => {
    const audio = h265G711.frames.filter(({ kind }) => kind === 'audio');
    const before = audio.slice(0, 5).map((frame) => psPack(h265G711, frame));
    const { tracks, frames } = demux(...before, write({ ...h265G711, audio: 'pcmu' }));
    assert.equal(tracks.audio?.codec, 'PCMU');
    assert.equal(frames.filter(({ kind }) => kind === 'audio').length, audio.length);
  });

  it('the codec changes with the map', () => {
    const { tracks, frames, problems } = demux(write(h264Aac), write(h265G711));
    assert.deepEqual([tracks.video?.codec, tracks.audio?.codec, problems], ['H265', 'PCMA', []]);
    assert.equal(frames.filter(({ kind }) => kind === 'video').length, 2 * SECONDS * 25);
  });

  it('what is listed and not carried is named and left out', () => {
    const map = Buffer.from(programStreamMap(h264Aac));
    map.writeUInt8(0x96, 16);
    const audio = h264Aac.frames.find(({ kind }) => kind === 'audio');
    assert.ok(audio);
    const packets = Array.from({ length: 60 }, () => psPack(h264Aac, audio));
    const { problems, frames } = demux(packHeader(0), map, ...packets);
    assert.deepEqual([problems, frames], [['stream_type 0x96 is not carried and is left out'], []]);
  });
});

describe('however the bytes are cut', () => {
  const some = { ...h264Aac, frames: h264Aac.frames.slice(0, 12) };
  for (const style of [{}, { openPes: true, pesPerNal: true, extras: true }, { noMap: true, openPes: true }]) {
    it(JSON.stringify(style), () => {
      const result = everySplit(write(some, style), (pieces) => demux(...pieces));
      assert.equal(result.frames.length, some.frames.length);
    });
  }

  it('and with garbage between the packs', () => {
    const [first = Buffer.alloc(0), ...packs] = some.frames.map((frame) => psPack(some, frame));
    const garbage = Buffer.from('000001b30001e0ff000001ba00', 'hex');
    everySplit(Buffer.concat([garbage, first, garbage, ...packs]), (pieces) => demux(...pieces));
  });
});

describe('loss', () => {
  const packs = h264Aac.frames.map((frame) => ({ frame, bytes: psPack(h264Aac, frame) }));

  it('video is dropped up to the next key frame, and counted; audio goes on', () => {
    const demuxer = new PsDemuxer();
    const events: TsEvent[] = [];
    const lostAt = packs.findIndex(({ frame }) => frame.kind === 'video' && frame.ticks === 10 * 3600);
    packs.forEach(({ bytes }, i) => {
      if (i === lostAt) {
        events.push(...demuxer.push(bytes.subarray(0, 300)));
        demuxer.lost();
        events.push(...demuxer.push(bytes.subarray(500)));
      } else events.push(...demuxer.push(bytes));
    });
    const { frames, problems } = outcome([...events, ...demuxer.end()]);
    const video = frames.filter(({ kind }) => kind === 'video').map(({ dts }) => dts / 40);
    assert.deepEqual(video, [...Array(9).keys(), ...Array.from({ length: 25 }, (_, i) => 25 + i)]);
    const audio = frames.filter(({ kind }) => kind === 'audio').length;
    assert.equal(audio, packs.filter(({ frame }) => frame.kind === 'audio').length);
    assert.deepEqual(problems, []);
    // number 9 had not been seen to be whole; of number 10 nothing was read
    assert.equal(demuxer.droppedFrames, 15);
  });

  it('wherever it strikes, what comes out is whole frames, and a key frame after each gap', () => {
    const pieces = packs.flatMap(({ bytes }) => {
      const count = Math.ceil(bytes.length / 1400);
      return Array.from({ length: count }, (_, i) => bytes.subarray(i * 1400, (i + 1) * 1400));
    });
    const whole = new Set(demux(...pieces).frames.map(({ data }) => data.toString('latin1')));
    const losses = fc.uniqueArray(fc.nat({ max: pieces.length - 1 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(losses, (lost) => {
        const demuxer = new PsDemuxer();
        const events = pieces.flatMap((piece, i) => {
          if (lost.includes(i)) return [];
          if (lost.includes(i - 1)) demuxer.lost();
          return demuxer.push(piece);
        });
        const { frames, problems } = outcome([...events, ...demuxer.end()]);
        assert.deepEqual(problems, []);
        const video = frames.filter((frame) => frame.kind === 'video');
        for (const [i, frame] of video.entries()) {
          const step = frame.dts - (video[i - 1]?.dts ?? frame.dts);
          assert.ok(frame.key || (step <= 40 && step >= 0), `a frame at ${frame.dts} after ${step} ms`);
        }
        assert.ok(frames.every(({ data }) => whole.has(data.toString('latin1'))));
      }),
    );
  });

  it('what looks like a key frame within another does not end the gap', () => {
    // each longer than the one before: where that is handed on, what looks like a key frame comes to its place
    const slice = (i: number): Buffer =>
      Buffer.concat([Buffer.from([0, 0, 0, 1, 0x41, 0x9a]), Buffer.alloc(100 * 3 ** i, 0x65)]);
    const demuxer = new PsDemuxer();
    const events = demuxer.push(packs[0]?.bytes ?? Buffer.alloc(0));
    demuxer.lost();
    for (let i = 1; i <= 5; i++) {
      const frame = { kind: 'video', data: slice(i), ticks: i * 3600, isKey: false } as const;
      events.push(...demuxer.push(psPack(h264Aac, frame)));
    }
    assert.deepEqual(outcome([...events, ...demuxer.end()]).frames, []);
    assert.equal(demuxer.droppedFrames, 6);
  });

  it('garbage between packs is skipped up to the next pack header, with the reason', () => {
    const at = packs.findIndex(({ frame }) => frame.ticks > 0 && frame.isKey);
    const before = packs.slice(0, at).map(({ bytes }) => bytes);
    const after = packs.slice(at).map(({ bytes }) => bytes);
    const { frames, problems, skipped } = demux(...before, Buffer.from('garbage'), ...after);
    assert.deepEqual(problems, ['no start code where a packet is to begin']);
    assert.equal(skipped, 7);
    assert.equal(frames.length, packs.length - 1);
  });

  it('joined in the middle, it waits for a pack', () => {
    const { problems, skipped, frames } = demux(write(h264Aac).subarray(100));
    assert.deepEqual(problems, []);
    assert.ok(skipped > 0 && frames.length > SECONDS * 25);
  });
});

describe('bad input', () => {
  const key = h264Aac.frames.find(({ isKey }) => isKey);
  assert.ok(key);
  const good = psPack(h264Aac, key);

  it('whatever the bytes, nothing is thrown and the next key frame is found', () => {
    const code = fc.constantFrom(0xb9, 0xba, 0xbb, 0xbc, 0xbd, 0xbe, 0xbf, 0xc0, 0xe0, 0xff);
    const packet = fc
      .tuple(code, fc.uint8Array({ maxLength: 40 }))
      .map(([id, bytes]) => Buffer.from([0, 0, 1, id, ...bytes]));
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 20 }), (packets) => {
        const demuxer = new PsDemuxer();
        const events = demuxer.push(packHeader(0));
        for (const bytes of packets) events.push(...demuxer.push(bytes));
        demuxer.lost();
        events.push(...demuxer.push(good), ...demuxer.push(psPack(h264Aac, { ...key, ticks: 3600 })), ...demuxer.end());
        assert.ok(outcome(events).frames.some((frame) => frame.kind === 'video' && frame.key));
      }),
    );
  });

  it('lengths beyond their limits', () => {
    const long = lengthPacket(0xbc, Buffer.alloc(1019));
    assert.match(demux(packHeader(0), long).problems.join(), /program_stream_map_length is 1019, at most 1018/);
    for (const body of ['', 'e0ff', 'e0ff0400000000000000', 'e0ff0000000800000000', 'e0ff0000fff01be0']) {
      const map = lengthPacket(0xbc, Buffer.from(body, 'hex'));
      assert.match(demux(packHeader(0), map).problems.join(), /a program stream map of/, body);
    }
    // an entry whose descriptors run past the end
    assert.deepEqual(
      demux(packHeader(0), lengthPacket(0xbc, Buffer.from('e0ff000000041be0ffff00000000', 'hex'))).problems,
      [],
    );
  });

  it('an access unit without end is given up', () => {
    const demuxer = new PsDemuxer();
    const events = demuxer.push(Buffer.concat([packHeader(0), pesPacket(0xe0, key.data, 0, 0, true)]));
    const piece = Buffer.alloc(65_536, 0xaa);
    for (let sent = 0; sent <= MAX_ACCESS_UNIT_BYTES; sent += piece.length) events.push(...demuxer.push(piece));
    const { problems, frames } = outcome(events);
    assert.equal(frames.length, 0);
    assert.match(problems.join(), /an access unit has 16\d+ bytes and more, at most 16777216 are allowed/);
    assert.equal(outcome([...demuxer.push(good), ...demuxer.push(good)]).frames.length, 1);
  });

  it('packets without payload leave nothing behind', () => {
    const demuxer = new PsDemuxer();
    const empty = Buffer.concat(Array.from({ length: 2000 }, () => pesPacket(0xe0, Buffer.alloc(0), 3600)));
    demuxer.push(Buffer.concat([packHeader(0), empty]));
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 1000; i++) demuxer.push(empty);
    const grownMb = (process.memoryUsage().heapUsed - before) / 2 ** 20;
    assert.ok(grownMb < 64, `the heap grew by ${grownMb} MB`);
    assert.equal(outcome([...demuxer.push(good), ...demuxer.end()]).frames.length, 1);
  });

  it('broken headers are named', () => {
    const pack = Buffer.from(packHeader(0));
    pack.writeUInt8(0x80, 4);
    const rows: [Buffer, RegExp][] = [
      [pack, /pack header without its marker bits/],
      [Buffer.concat([packHeader(0), lengthPacket(0xe0, Buffer.from('0102', 'hex'))]), /no PES packet header/],
      [Buffer.concat([packHeader(0), lengthPacket(0xc0, Buffer.alloc(0))]), /no PES packet header/],
      [Buffer.concat([packHeader(0), Buffer.from('000001e00000000000', 'hex')]), /no PES packet header/],
    ];
    for (const [bytes, reason] of rows) assert.match(demux(bytes).problems.join(), reason);
  });
});
