/** The muxer's packets, read a second time by the fixture's own reader. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Frame, joinNalUnits, type Muxer, NO_TRACKS, type Tracks } from '../../media/index.ts';
import { tsFormat } from './format.ts';
import {
  AAC,
  AUDIO_ONLY,
  AV,
  aac,
  H264,
  H265,
  OPUS_ONLY,
  opus,
  PPS,
  SPS,
  slice,
  VIDEO_ONLY,
  video,
} from './frames.fixture.ts';
import { assertContinuity, type Packet, packetsOf, pesOf } from './packets.fixture.ts';
import { parsePmt } from './psi.ts';

const VIDEO = 0x100;
const AUDIO = 0x101;
const PMT = 0x1000;
const LEAD = 63_000;

function muxerOf(tracks: Tracks): Muxer {
  return tsFormat.createMuxer(tracks);
}

function writeAll(muxer: Muxer, frames: readonly Frame[]): Packet[] {
  return packetsOf(Buffer.concat(frames.map((frame) => muxer.write(frame))));
}

/** The only video PES payload of one frame. */
function annexB(tracks: Tracks, frame: Frame): string {
  const [pes] = pesOf(packetsOf(muxerOf(tracks).write(frame)), VIDEO);
  assert.ok(pes !== undefined);
  return pes.payload.toString('hex');
}

function pmtOf(packets: readonly Packet[]): { version: number; pcrPid: number; entries: [number, number][] } {
  const packet = packets.findLast(({ pid }) => pid === PMT);
  assert.ok(packet !== undefined);
  const length = packet.payload.readUInt16BE(2) & 0xfff;
  const map = parsePmt(packet.payload.subarray(1, 4 + length));
  assert.ok(map !== null);
  const entries = map.streams.map(({ streamType, pid }): [number, number] => [streamType, pid]);
  return { version: map.version, pcrPid: map.pcrPid, entries };
}

describe('access units', () => {
  const aud = '0000000109f0';
  const sets = `00000001${SPS.toString('hex')}00000001${PPS.toString('hex')}`;
  const key = `00000001${slice(true).toString('hex')}`;

  it('begin with a delimiter, key frames with the parameter sets after it', () => {
    assert.equal(annexB(AV, video(0, true)), aud + sets + key);
    assert.equal(annexB(AV, video(0, false)), `${aud}00000001${slice(false).toString('hex')}`);
  });

  it('keep a delimiter that is in the data, and only one', () => {
    const own = Buffer.from([0x09, 0x10]);
    assert.equal(annexB(AV, video(0, true, [own, slice(true)])), `000000010910${sets}${key}`);
    assert.equal(annexB(AV, video(0, true, [slice(true), own, own])), aud + sets + key);
    assert.equal(annexB(AV, video(0, true, [own, own, slice(true)])), `000000010910${sets}${key}`);
  });

  it('get no parameter sets where they have them all in band', () => {
    assert.equal(annexB(AV, video(0, true, [SPS, PPS, slice(true)])), aud + sets + key);
    const onlySps = annexB(AV, video(0, true, [SPS, slice(true)]));
    assert.equal(onlySps, `${aud}${sets}00000001${SPS.toString('hex')}${key}`);
  });

  it('of H265 get its delimiter and all three kinds of parameter sets', () => {
    const unit = Buffer.from('2601abab', 'hex');
    const tracks = { video: H265, audio: null, metadata: null };
    const frame = { ...video(0, true, [unit]), codec: 'H265' as const };
    const expected = ['460150', '40010c01', '42010101', '4401c172', '2601abab'].map((hex) => `00000001${hex}`).join('');
    assert.equal(annexB(tracks, frame), expected);
  });

  it('end before a NAL unit that is cut off, and are nothing without a whole one', () => {
    const whole = video(0, false);
    const cut = { ...whole, data: Buffer.concat([whole.data, Buffer.from([0, 0, 0, 9, 0x41])]) };
    assert.equal(annexB(AV, cut), annexB(AV, whole));
    const muxer = muxerOf(AV);
    for (const data of ['', '00', '00000000', '000000', '00000005414141', 'ffffffff41']) {
      assert.equal(muxer.write({ ...whole, data: Buffer.from(data, 'hex') }).length, 0);
    }
    assert.deepEqual(
      writeAll(muxer, [whole]).map(({ counter }) => counter),
      [0, 0, 0],
    );
  });
});

describe('PAT and PMT', () => {
  it('come directly before each key frame, and otherwise only before the first frame', () => {
    const packets = writeAll(muxerOf(AV), [aac(0), video(0), video(40, true), aac(40), video(80), video(120, true)]);
    assert.deepEqual(
      packets.filter(({ hasPayload }) => hasPayload).map(({ pid }) => pid),
      [0, PMT, AUDIO, VIDEO, 0, PMT, VIDEO, AUDIO, VIDEO, 0, PMT, VIDEO],
    );
    assertContinuity(packets);
  });

  it('name the carried tracks only', () => {
    const entries = (tracks: Tracks): object => pmtOf(packetsOf(muxerOf(tracks).header()));
    assert.deepEqual(entries(AV), {
      version: 0,
      pcrPid: VIDEO,
      entries: [
        [0x1b, VIDEO],
        [0x0f, AUDIO],
      ],
    });
    assert.deepEqual(entries(AUDIO_ONLY), { version: 0, pcrPid: AUDIO, entries: [[0x0f, AUDIO]] });
    assert.deepEqual(entries({ ...VIDEO_ONLY, video: H265 }), { version: 0, pcrPid: VIDEO, entries: [[0x24, VIDEO]] });
    const g711 = { kind: 'audio', codec: 'PCMA', sampleRate: 8000, channels: 1 } as const;
    assert.deepEqual(entries({ ...AV, audio: g711 }), { version: 0, pcrPid: VIDEO, entries: [[0x1b, VIDEO]] });
    const mp3 = (sampleRate: number): Tracks => {
      return { video: null, audio: { kind: 'audio', codec: 'MP3', sampleRate, channels: 2 }, metadata: null };
    };
    assert.deepEqual(entries(mp3(44100)), { version: 0, pcrPid: AUDIO, entries: [[0x03, AUDIO]] });
    assert.deepEqual(entries(mp3(22050)), { version: 0, pcrPid: AUDIO, entries: [[0x04, AUDIO]] });
  });

  it('announce Opus by two descriptors', () => {
    const header = muxerOf(OPUS_ONLY).header();
    assert.ok(header.includes(Buffer.from('06e101f00a05044f7075737f028002', 'hex')));
  });

  it('are the header, verbatim, and a first pair where none was written', () => {
    const muxer = muxerOf(AV);
    const first = muxer.header();
    assert.deepEqual(muxer.header(), first);
    const key = muxer.write(video(0, true));
    assert.deepEqual(muxer.header(), key.subarray(0, 376));
    assertContinuity(packetsOf(Buffer.concat([first, key])));
    muxer.write(video(40));
    const newcomer = Buffer.concat([muxer.header(), muxer.write(video(80, true)), muxer.write(aac(80))]);
    assertContinuity(packetsOf(newcomer));
  });

  it('come again in audio-only streams in less than 500 ms', () => {
    const muxer = muxerOf(AUDIO_ONLY);
    const frames = Array.from({ length: 200 }, (_, i) => aac((i * 1024) / 44.1));
    const at: number[] = [];
    for (const frame of frames) if (writeAll(muxer, [frame]).some(({ pid }) => pid === PMT)) at.push(frame.dts);
    assert.equal(at[0], 0);
    const gaps = at.slice(1).map((time, i) => time - (at[i] ?? 0));
    assert.ok(gaps.length > 8 && gaps.every((gap) => gap > 300 && gap <= 500), `${gaps}`);
  });

  it('get a new version where the tracks change, and only there', () => {
    const muxer = muxerOf(AV);
    const parts = [muxer.write(video(0, true))];
    assert.equal(muxer.setTracks({ ...AV, metadata: Buffer.from('x') }).length, 0);
    assert.equal(muxer.setTracks({ ...AV, video: { ...H264, sps: [Buffer.from(SPS)] } }).length, 0);
    for (let version = 1; version < 40; version++) {
      const sps = Buffer.concat([SPS, Buffer.from([version])]);
      const bytes = muxer.setTracks({ ...AV, video: { ...H264, sps: [sps] } });
      assert.deepEqual(muxer.header(), bytes);
      assert.equal(pmtOf(packetsOf(bytes)).version, version % 32);
      parts.push(bytes);
    }
    parts.push(muxer.write(video(40, true)));
    assertContinuity(packetsOf(Buffer.concat(parts)));
  });

  it('are silent without tracks and go on after them', () => {
    const muxer = muxerOf(NO_TRACKS);
    assert.equal(muxer.header().length, 0);
    assert.equal(muxer.write(video(0, true)).length, 0);
    const parts = [muxer.setTracks(AV), muxer.write(video(0, true)), muxer.write(aac(0))];
    assert.equal(muxer.setTracks(NO_TRACKS).length, 0);
    assert.equal(muxer.header().length, 0);
    assert.equal(muxer.write(aac(20)).length, 0);
    parts.push(muxer.setTracks(AUDIO_ONLY), muxer.write(aac(40)));
    const packets = packetsOf(Buffer.concat(parts));
    assertContinuity(packets);
    assert.deepEqual(pmtOf(packets), { version: 1, pcrPid: AUDIO, entries: [[0x0f, AUDIO]] });
  });
});

describe('PES packets', () => {
  it('have pts and dts where they differ, the lead on both', () => {
    const muxer = muxerOf(AV);
    const frames = [video(0, true, [slice(true)], 80), video(40), aac(1 / 3)];
    const packets = writeAll(muxer, frames);
    const [first, second] = pesOf(packets, VIDEO);
    assert.deepEqual([first?.pts, first?.dts, second?.pts, second?.dts], [LEAD + 7200, LEAD, LEAD + 3600, null]);
    assert.deepEqual(
      pesOf(packets, AUDIO).map(({ pts, dts }) => [pts, dts]),
      [[LEAD + 30, null]],
    );
    for (const pes of [...pesOf(packets, VIDEO), ...pesOf(packets, AUDIO)]) assert.equal(pes.aligned, true);
  });

  it('say their length but for video beyond 16 bits', () => {
    const lengths = (size: number): number | undefined =>
      pesOf(writeAll(muxerOf(AV), [video(0, false, [slice(false, size)])]), VIDEO)[0]?.length;
    // 8 bytes of header, 6 of delimiter, 4 of start code
    assert.equal(lengths(65535 - 18), 65535);
    assert.equal(lengths(65535 - 17), 0);
    assert.equal(lengths(300_000), 0);
  });

  it('of AAC are one ADTS frame, of Opus one packet behind its control header', () => {
    const [pes] = pesOf(writeAll(muxerOf(AV), [aac(0, 300)]), AUDIO);
    assert.equal(pes?.streamId, 0xc0);
    assert.equal(pes?.payload.toString('hex', 0, 7), 'fff15080267ffc');
    assert.equal(pes?.payload.length, 307);
    for (const [size, header] of [
      [30, '7fe01e'],
      [254, '7fe0fe'],
      [255, '7fe0ff00'],
      [600, '7fe0ffff5a'],
    ] as const) {
      const [packet] = pesOf(writeAll(muxerOf(OPUS_ONLY), [opus(0, size)]), AUDIO);
      assert.equal(packet?.streamId, 0xbd);
      assert.deepEqual(packet?.payload, Buffer.concat([Buffer.from(header, 'hex'), opus(0, size).data]));
    }
  });
});

describe('what cannot be carried', () => {
  it('is empty and leaves the counters alone', () => {
    const muxer = muxerOf(AV);
    const pcma = { ...aac(0), codec: 'PCMA' as const };
    const data = { kind: 'data', dts: 0, pts: 0, data: Buffer.from('x') } as const;
    const before = muxer.write(video(0, true));
    for (const frame of [pcma, opus(0), data, aac(0, 0), aac(0, 8185), { ...video(0), codec: 'H265' as const }]) {
      assert.equal(muxer.write(frame).length, 0);
    }
    assert.notEqual(muxer.write(aac(0, 8184)).length, 0);
    assertContinuity(packetsOf(Buffer.concat([before, muxer.write(video(40))])));
    assert.equal(muxerOf(OPUS_ONLY).write(opus(0, 70_000)).length, 0);
  });

  it('is left out of the program map', () => {
    assert.deepEqual(['H264', 'H265', 'AAC', 'MP3', 'OPUS'].filter(tsFormat.carries).length, 5);
    assert.deepEqual(['PCMA', 'PCMU', 'VP8', ''].filter(tsFormat.carries), []);
    // channels in a program_config_element: ADTS cannot say that
    const pce = { ...AAC, config: Buffer.from('1200', 'hex'), channels: 0 };
    const muxer = muxerOf({ ...AV, audio: pce });
    assert.deepEqual(pmtOf(packetsOf(muxer.header())).entries, [[0x1b, VIDEO]]);
    assert.equal(muxer.write(aac(0)).length, 0);
  });
});

describe('any frames', () => {
  const anyFrame = fc.record({
    kind: fc.constantFrom('video', 'aac'),
    step: fc.integer({ min: -50, max: 400 }),
    sizes: fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 4 }),
    key: fc.boolean(),
    later: fc.constantFrom(0, 40, 80),
  });

  it('give exact packets, exact continuity, and their own bytes back', () => {
    fc.assert(
      fc.property(fc.array(anyFrame, { minLength: 1, maxLength: 12 }), (plan) => {
        const muxer = muxerOf(AV);
        let dts = 1000;
        const frames = plan.map(({ kind, step, sizes, key, later }) => {
          dts += step;
          if (kind === 'aac') return aac(dts, sizes[0]);
          return video(
            dts,
            key,
            sizes.map((size) => slice(key, size)),
            dts + later,
          );
        });
        const packets = writeAll(muxer, frames);
        assertContinuity(packets);
        const sent = frames.filter(({ kind }) => kind === 'video');
        const got = pesOf(packets, VIDEO);
        assert.equal(got.length, sent.length);
        got.forEach(({ payload, pts }, i) => {
          const frame = sent[i];
          assert.ok(frame !== undefined);
          assert.equal(pts, frame.pts * 90 + LEAD);
          const lengthsAsStartCodes = Buffer.from(frame.data);
          for (let at = 0; at < frame.data.length; at += 4 + frame.data.readUInt32BE(at))
            lengthsAsStartCodes.writeUInt32BE(1, at);
          assert.deepEqual(payload.subarray(-frame.data.length), lengthsAsStartCodes);
        });
        const sound = frames.filter(({ kind }) => kind === 'audio');
        assert.deepEqual(
          pesOf(packets, AUDIO).map(({ payload }) => payload.subarray(7)),
          sound.map(({ data }) => data),
        );
      }),
    );
  });

  it('fill the last packet at every size', () => {
    for (let size = 1; size < 800; size++) {
      for (const key of [true, false]) {
        const frame = video(0, key, [slice(key, size)]);
        const [pes] = pesOf(writeAll(muxerOf(VIDEO_ONLY), [frame]), VIDEO);
        assert.deepEqual(pes?.payload.subarray(-size), slice(key, size));
      }
      const [pes] = pesOf(writeAll(muxerOf(AV), [aac(0, size)]), AUDIO);
      assert.equal(pes?.payload.length, size + 7);
    }
  });

  it('of random bytes never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, key) => {
        const frame = { ...video(0, key), data: Buffer.from(bytes) };
        packetsOf(muxerOf(AV).write(frame));
        packetsOf(muxerOf(AV).write({ ...frame, data: joinNalUnits([frame.data]) }));
      }),
    );
  });
});
