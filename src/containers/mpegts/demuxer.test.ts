/** The demuxer over splits, joins, losses, garbage and changes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { everySplit } from '../../media/every-split.fixture.ts';
import { adtsHeader, h264Track, joinNalUnits, MAX_NAL_UNITS, type Tracks } from '../../media/index.ts';
import { TsDemuxer } from './demuxer.ts';
import type { TsEvent } from './events.ts';
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
  VIDEO_ONLY,
  video,
} from './frames.fixture.ts';
import { TsMuxer } from './muxer.ts';
import { NO_PCR, PacketWriter, packetCount } from './packet.ts';
import { writePesHeader } from './pes.ts';

const LEAD_MS = 700;
/** The track of the fixture's parameter sets, as a demuxer makes it. */
const FOUND = h264Track([SPS], [PPS]);
const FOUND_AV: Tracks = { video: FOUND, audio: AAC, metadata: null };

function demux(pieces: readonly Buffer[]): TsEvent[] {
  const demuxer = new TsDemuxer();
  return [...pieces.flatMap((piece) => demuxer.push(piece)), ...demuxer.end()];
}

function later<F extends { pts: number; dts: number }>(frame: F): { type: 'frame'; frame: F } {
  return { type: 'frame', frame: { ...frame, pts: frame.pts + LEAD_MS, dts: frame.dts + LEAD_MS } };
}

function frameTimes(events: readonly TsEvent[]): number[] {
  return events.flatMap((event) => (event.type === 'frame' ? [event.frame.dts] : []));
}

/** PES packets of audio as our muxer would not write them, after its PAT and PMT. */
function audioStream(tracks: Tracks, payloads: readonly Buffer[], streamId: number): Buffer {
  const writer = new PacketWriter(0x101);
  const parts = [new TsMuxer(tracks).header()];
  payloads.forEach((payload, i) => {
    const header = Buffer.alloc(19);
    const size = writePesHeader(header, streamId, i * 9000, i * 9000, payload.length);
    const out = Buffer.alloc(packetCount(size + payload.length, false) * 188);
    writer.begin(out, 0, size + payload.length, NO_PCR, false, false);
    writer.append(header, 0, size);
    writer.append(payload, 0, payload.length);
    parts.push(out);
  });
  return Buffer.concat(parts);
}

describe('frames and tracks', () => {
  it('come out of every split', () => {
    const frames = [video(0, true), aac(0), video(40, false, undefined, 120), aac(22), video(80)];
    const muxer = new TsMuxer(AV);
    const bytes = Buffer.concat(frames.map((frame) => muxer.write(frame)));
    const [first, second, third, fourth, fifth] = frames.map(later);
    const events = everySplit(bytes, demux);
    assert.deepEqual(events, [
      { type: 'tracks', tracks: { ...FOUND_AV, audio: null } },
      first,
      { type: 'tracks', tracks: FOUND_AV },
      second,
      third,
      fourth,
      fifth,
    ]);
  });

  it('come out of every split with garbage before, between and after', () => {
    const muxer = new TsMuxer(VIDEO_ONLY);
    const parts = [video(0, true), video(40), video(80)].map((frame) => muxer.write(frame));
    const garbage = Buffer.from('00ff4747', 'hex');
    const bytes = Buffer.concat([
      Buffer.alloc(3),
      ...parts,
      garbage,
      muxer.write(video(120)),
      muxer.write(video(160)),
      garbage,
    ]);
    const events = everySplit(bytes, demux);
    assert.deepEqual(frameTimes(events), [700, 740, 780, 820, 860]);
    assert.deepEqual(
      events.filter(({ type }) => type !== 'frame' && type !== 'tracks'),
      [
        { type: 'skipped', bytes: 3 },
        { type: 'skipped', bytes: 4 },
        { type: 'skipped', bytes: 4 },
      ],
    );
  });

  it('begin at the first parameter sets where the stream is joined before them', () => {
    const muxer = new TsMuxer(AV);
    const bytes = [muxer.header(), muxer.write(video(0)), muxer.write(aac(0)), muxer.write(video(40, true))];
    assert.deepEqual(
      demux(bytes).map(({ type }) => type),
      ['tracks', 'frame', 'tracks', 'frame'],
    );
  });

  it('keep their time over the wrap of 33 bits', () => {
    const start = 2 ** 33 / 90 - 800;
    const muxer = new TsMuxer(AV);
    const frames = [video(start, true, undefined, start + 200), aac(start), video(start + 200), aac(start + 90)];
    const times = frameTimes(demux(frames.map((frame) => muxer.write(frame))));
    const rounded = times.map((time) => Math.round((time - start) * 10) / 10);
    assert.deepEqual(rounded, [700, 700, 900, 790]);
  });

  it('of H265 and Opus', () => {
    const hevc = { ...video(0, true, [Buffer.from('2601abab', 'hex')]), codec: 'H265' as const };
    const muxer = new TsMuxer({ ...OPUS_ONLY, video: H265 });
    assert.deepEqual(demux([muxer.write(hevc), muxer.write(opus(0, 600))]), [
      { type: 'tracks', tracks: { video: H265, audio: null, metadata: null } },
      later(hevc),
      { type: 'tracks', tracks: { ...OPUS_ONLY, video: H265 } },
      later(opus(0, 600)),
    ]);
  });
});

describe('changes', () => {
  it('of a codec end the old track after its last frame', () => {
    const muxer = new TsMuxer(AV);
    const big = video(40, false, [Buffer.alloc(70_000, 0x41)]);
    const parts = [muxer.write(video(0, true)), muxer.write(big), muxer.setTracks(OPUS_ONLY), muxer.write(opus(60))];
    assert.deepEqual(demux(parts), [
      { type: 'tracks', tracks: { ...FOUND_AV, audio: null } },
      later(video(0, true)),
      later(big),
      { type: 'tracks', tracks: { ...FOUND_AV, video: null, audio: null } },
      { type: 'tracks', tracks: OPUS_ONLY },
      later(opus(60)),
    ]);
  });

  it('of parameter sets are a change of track, repetitions are none', () => {
    const muxer = new TsMuxer(VIDEO_ONLY);
    const other = Buffer.concat([PPS, Buffer.from([1])]);
    const parts = [muxer.write(video(0, true)), muxer.write(video(40, true))];
    parts.push(muxer.setTracks({ ...VIDEO_ONLY, video: { ...H264, pps: [other] } }), muxer.write(video(80, true)));
    const tracks = demux(parts).filter(({ type }) => type === 'tracks');
    assert.deepEqual(tracks, [
      { type: 'tracks', tracks: { ...VIDEO_ONLY, video: FOUND } },
      { type: 'tracks', tracks: { ...VIDEO_ONLY, video: h264Track([SPS], [other]) } },
    ]);
  });
});

describe('losses', () => {
  it('are told and drop the frame that they hit, no other', () => {
    const muxer = new TsMuxer(VIDEO_ONLY);
    const key = muxer.write(video(0, true));
    const middle = muxer.write(video(40, false, [Buffer.alloc(1000, 0x41)]));
    const events = demux([key, middle.subarray(0, 188), middle.subarray(376), muxer.write(video(80))]);
    assert.deepEqual(frameTimes(events), [700, 780]);
    const losses = events.filter(({ type }) => type === 'loss');
    assert.equal(losses.length, 1);
    assert.ok(
      losses[0]?.type === 'loss' && losses[0].pid === 0x100 && losses[0].found === (losses[0].expected + 1) % 16,
    );
  });

  it('are not packets that come twice, nor announced discontinuities', () => {
    const muxer = new TsMuxer(VIDEO_ONLY);
    const key = muxer.write(video(0, true));
    const last = key.subarray(-188);
    const jump = muxer.write(video(60_000));
    jump[3] = 0x30 | 9;
    const events = demux([key, last, jump]);
    assert.deepEqual(
      events.map(({ type }) => type),
      ['tracks', 'frame', 'frame'],
    );
  });
});

describe('audio', () => {
  const adts = (size: number): Buffer => Buffer.concat([adtsHeader(AAC, size), Buffer.alloc(size, 0x21)]);

  it('in ADTS goes over PES packets, each with the time of the first frame that begins in it', () => {
    const frames = Buffer.concat([adts(100), adts(50), adts(60), adts(70)]);
    const step = 1024 / 44.1;
    const payloads = [frames.subarray(0, 130), frames.subarray(130, 140), frames.subarray(140)];
    const events = everySplit(audioStream(AUDIO_ONLY, payloads, 0xc0), demux);
    const sizes = events.flatMap((event) => (event.type === 'frame' ? [event.frame.data.length] : []));
    assert.deepEqual(sizes, [100, 50, 60, 70]);
    assert.deepEqual(frameTimes(events), [0, step, 200, 200 + step]);
    assert.ok(events.every(({ type }) => type === 'tracks' || type === 'frame'));
  });

  it('finds the next ADTS frame behind garbage, and tells of it once a PES packet', () => {
    const payloads = [Buffer.concat([Buffer.alloc(50, 0xff), adts(30)]), adts(20)];
    const events = demux([audioStream(AUDIO_ONLY, payloads, 0xc0)]);
    assert.deepEqual(
      events.map(({ type }) => type),
      ['tracks', 'frame', 'problem', 'frame'],
    );
  });

  it('takes no header for one that says less than itself', () => {
    const short = Buffer.from('fff1508000dffc', 'hex');
    const shortWithCrc = Buffer.from('fff05080011ffc00', 'hex');
    const events = demux([audioStream(AUDIO_ONLY, [Buffer.concat([short, shortWithCrc, adts(30)])], 0xc0)]);
    const problems = events.flatMap((event) => (event.type === 'problem' ? [event.reason] : []));
    assert.deepEqual(problems, [`no ADTS header at byte 0 of ${15 + adts(30).length} in a PES packet`]);
    assert.equal(events.filter(({ type }) => type === 'frame').length, 1);
  });

  it('of Opus may be several packets in one PES packet; what is none is told', () => {
    const one = Buffer.concat([Buffer.from('7fe01e', 'hex'), opus(0).data]);
    const trimmed = Buffer.concat([Buffer.from('7ffc1e000100020155', 'hex'), opus(0).data]);
    const events = demux([
      audioStream(OPUS_ONLY, [Buffer.concat([one, trimmed]), Buffer.concat([one, one.subarray(0, 9)])], 0xbd),
    ]);
    assert.deepEqual(frameTimes(events), [0, 20, 100]);
    assert.deepEqual(events.at(-1), {
      type: 'problem',
      pid: 0x101,
      reason: 'no whole Opus packet at byte 33 of a PES packet of 42',
    });
  });
});

describe('hostile input', () => {
  it('of random packets on the known PIDs never throws', () => {
    const packet = fc.record({
      pid: fc.constantFrom(0, 0x1000, 0x100, 0x101, 0x1fff),
      starts: fc.boolean(),
      counter: fc.integer({ min: 0, max: 255 }),
      body: fc.uint8Array({ minLength: 184, maxLength: 184 }),
    });
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 30 }), (packets) => {
        const bytes = packets.map(({ pid, starts, counter, body }) => {
          const head = Buffer.from([0x47, (starts ? 0x40 : 0) | (pid >> 8), pid & 0xff, counter]);
          return Buffer.concat([head, body]);
        });
        demux([new TsMuxer({ ...OPUS_ONLY, video: H264 }).header(), ...bytes]);
        demux([new TsMuxer(AV).header(), ...bytes]);
      }),
    );
  });

  it('of changed bytes never throws', () => {
    const muxer = new TsMuxer(AV);
    const good = Buffer.concat([video(0, true), aac(0), video(40), aac(20)].map((frame) => muxer.write(frame)));
    const change = fc.tuple(fc.nat(good.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const bytes = Buffer.from(good);
        for (const [at, value] of changes) bytes[at] = value;
        demux([bytes]);
      }),
    );
  });

  it('of too many NAL units is left out and told, and the next access unit is read', () => {
    /** Behind the delimiter that the muxer writes. */
    const picture = (dts: number, units: number) => ({
      ...video(dts),
      data: joinNalUnits(Array.from({ length: units }, () => Buffer.from([0x41, 0x9a]))),
    });
    const muxer = new TsMuxer(VIDEO_ONLY);
    const frames = [video(0, true), picture(40, MAX_NAL_UNITS - 1), picture(80, MAX_NAL_UNITS), video(120)];
    const events = demux([muxer.header(), ...frames.map((frame) => muxer.write(frame))]);
    const said = events.map((event) => (event.type === 'frame' ? event.frame.dts - LEAD_MS : event.type));
    assert.deepEqual(said, ['tracks', 0, 40, 'excess', 120]);
    const reason = 'an access unit has 8193 NAL units and more, at most 8192 are allowed';
    assert.deepEqual(events[3], { type: 'excess', pid: 0x100, reason });
  });

  it('of an adaptation field that is too long is told', () => {
    const muxer = new TsMuxer(VIDEO_ONLY);
    const bytes = muxer.write(video(0));
    bytes[376 + 4] = 184;
    assert.deepEqual(demux([bytes]), [
      { type: 'problem', pid: 0x100, reason: 'adaptation_field_length is 184, at most 183 are allowed' },
    ]);
  });
});
