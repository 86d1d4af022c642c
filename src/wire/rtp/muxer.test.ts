/** What our muxer writes: packets by their RFCs, sender reports, and what it leaves out. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type AudioFrame,
  aacTrack,
  type Frame,
  h264Track,
  h265Track,
  joinNalUnits,
  NO_TRACKS,
  opusTrack,
  type Tracks,
  type VideoFrame,
} from '../../media/index.ts';
import { describeTracks } from './describe.ts';
import { rtpFormat } from './format.ts';
import { firstRtp, splitInterleaved } from './interleaved.ts';
import { RtpMuxer } from './muxer.ts';
import { parseRtpPacket, type RtpPacket } from './packet.ts';
import { parseRtcp, type SenderReport } from './rtcp.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

const SPS = hex('6742c00dda0507faac0440000003004000000c83c50aa8');
const PPS = hex('68ce0fc8');
const H264 = h264Track([SPS], [PPS]);
const VPS5 = hex('40010c01');
const SPS5 = hex('42010101600000030090000003000003003ca00a080f16592a4932bc05a02000000300200000030321');
const PPS5 = hex('4401c172');
const H265 = h265Track([VPS5], [SPS5], [PPS5]);
const AAC = aacTrack(hex('1190'));
const AV: Tracks = { video: H264, audio: AAC, metadata: null };
const NOON = 1_800_000_000_000;

class Clock {
  now = 0;
  unixMs(): number {
    return NOON + this.now;
  }
}

function muxerOf(
  tracks: Tracks,
  clock = new Clock(),
  layout = { video: 0, audio: 2 } as { video: number | null; audio: number | null },
): RtpMuxer {
  return new RtpMuxer(layout, tracks, clock, {
    cname: 'x',
    video: { ssrc: 1, sequence: 65_535, timestamp: 2 ** 32 - 90 },
    audio: { ssrc: 2, sequence: 10, timestamp: 100 },
  });
}

function video(
  dts: number,
  units: readonly Buffer[],
  key = false,
  codec: 'H264' | 'H265' = 'H264',
  pts = dts,
): VideoFrame {
  return { kind: 'video', codec, dts, pts, key, data: joinNalUnits(units) };
}

function audio(dts: number, data: Buffer, codec: AudioFrame['codec'] = 'AAC'): AudioFrame {
  return { kind: 'audio', codec, dts, pts: dts, data };
}

interface Split {
  readonly rtp: (RtpPacket & { readonly channel: number })[];
  readonly reports: (SenderReport & { readonly channel: number })[];
}

function split(batch: Buffer): Split {
  const out: Split = { rtp: [], reports: [] };
  let last = 0;
  splitInterleaved(batch, (channel, start, end) => {
    last = end;
    const bytes = batch.subarray(start, end);
    if (channel % 2 === 0) {
      const packet = parseRtpPacket(bytes);
      assert.ok(!('problem' in packet));
      out.rtp.push({ ...packet, channel });
      return;
    }
    const packets = parseRtcp(bytes);
    assert.ok(!('problem' in packets));
    const [first, sdes] = packets;
    assert.ok(first?.type === 'sender-report' && sdes?.type === 'other' && sdes.packetType === 202);
    out.reports.push({ ...first, channel });
  });
  assert.equal(last, batch.length);
  return out;
}

/** Marker, payload type, sequence, and payload of each packet. */
const lines = (batch: Buffer): string[] =>
  split(batch).rtp.map(({ marker, payloadType, sequence, payload }) => {
    return `${marker ? 'M' : '-'} ${payloadType} ${sequence} ${payload.toString('hex')}`;
  });

describe('video packets', () => {
  const slice = hex('65888421');

  it('have the parameter sets of H264 in a STAP-A before each key frame, and no delimiters', () => {
    const muxer = muxerOf(AV);
    const stap = `7800 17${SPS.toString('hex')}0004${PPS.toString('hex')}`.replace(' ', '');
    assert.deepEqual(lines(muxer.write(video(0, [hex('09f0'), hex('060102'), slice], true))), [
      `- 96 65535 ${stap}`,
      '- 96 0 060102',
      'M 96 1 65888421',
    ]);
    assert.deepEqual(lines(muxer.write(video(40, [hex('41e02215')]))), ['M 96 2 41e02215']);
  });

  it('have those of H265 in an AP', () => {
    const muxer = muxerOf({ ...AV, video: H265 });
    const [first, second] = lines(muxer.write(video(0, [hex('460150'), hex('2601af12')], true, 'H265')));
    const sets = [VPS5, SPS5, PPS5].map((unit) => unit.length.toString(16).padStart(4, '0') + unit.toString('hex'));
    assert.equal(first, `- 98 65535 6001${sets.join('')}`);
    assert.equal(second, 'M 98 0 2601af12');
  });

  it('have parameter sets one by one where they do not fit together', () => {
    const large = Buffer.concat([SPS, Buffer.alloc(1390, 1)]);
    const muxer = muxerOf({ ...AV, video: h264Track([large], [PPS]) });
    const { rtp } = split(muxer.write(video(0, [slice], true)));
    assert.deepEqual(
      rtp.map(({ payload }) => payload.length),
      [1400, 2 + large.length - 1 - 1398, 4, 4],
    );
  });

  it('are cut into fragments of at most 1400 bytes', () => {
    for (const [codec, headers, first, middle, last] of [
      ['H264', 1, '7c85', '7c05', '7c45'],
      ['H265', 2, '620193', '620113', '620153'],
    ] as const) {
      const muxer = muxerOf({ ...AV, video: codec === 'H264' ? H264 : H265 });
      const header = codec === 'H264' ? hex('65') : hex('2601');
      const room = 1400 - headers - 1;
      for (const [content, pieces] of [
        [1400 - headers, 1],
        [1401 - headers, 2],
        [2 * room, 2],
        [2 * room + 1, 3],
        [10_000, Math.ceil(10_000 / room)],
      ] as const) {
        const unit = Buffer.concat([header, Buffer.from(Array.from({ length: content }, (_, i) => i & 0xff))]);
        const { rtp } = split(muxer.write(video(0, [unit], false, codec)));
        assert.equal(rtp.length, pieces, `${content} bytes`);
        assert.ok(rtp.every(({ payload }) => payload.length <= 1400));
        assert.deepEqual(
          rtp.map(({ marker }) => marker),
          rtp.map((_, i) => i === rtp.length - 1),
        );
        if (pieces === 1) continue;
        const heads = rtp.map(({ payload }) => payload.subarray(0, headers + 1).toString('hex'));
        assert.deepEqual(heads, [first, ...Array.from({ length: pieces - 2 }, () => middle), last]);
        const whole = Buffer.concat([header, ...rtp.map(({ payload }) => payload.subarray(headers + 1))]);
        assert.ok(whole.equals(unit));
      }
    }
  });

  it('have the presentation time at 90 kHz, over the wrap', () => {
    const muxer = muxerOf(AV);
    const times = [0, 1, 1 / 3, -1].map(
      (pts) => split(muxer.write(video(0, [slice], false, 'H264', pts))).rtp[0]?.timestamp,
    );
    assert.deepEqual(times, [2 ** 32 - 90, 0, 2 ** 32 - 60, 2 ** 32 - 180]);
  });
});

describe('audio packets', () => {
  const only = (track: Tracks['audio'], frame: AudioFrame): Split =>
    split(muxerOf({ ...NO_TRACKS, audio: track }).write(frame));

  it('of AAC have an AU header, and are fragments where they are long', () => {
    assert.deepEqual(lines(muxerOf(AV).write(audio(0, hex('aabbcc')))), ['M 97 10 00100018aabbcc']);
    const long = only(AAC, audio(0, Buffer.alloc(3000, 1))).rtp;
    assert.deepEqual(
      long.map(({ marker, payload }) => [marker, payload.length, payload.subarray(0, 4).toString('hex')]),
      [
        [false, 1400, '00105dc0'],
        [false, 1400, '00105dc0'],
        [true, 212, '00105dc0'],
      ],
    );
    assert.ok(long.every(({ timestamp }) => timestamp === 100));
  });

  it('of G711 are samples alone, and cut with their times', () => {
    const track = { kind: 'audio', codec: 'PCMA', sampleRate: 8000, channels: 1 } as const;
    const packets = only(track, audio(10, Buffer.alloc(3000, 1), 'PCMA')).rtp;
    assert.deepEqual(
      packets.map(({ payloadType, payload, timestamp }) => [payloadType, payload.length, timestamp]),
      [
        [8, 1400, 180],
        [8, 1400, 1580],
        [8, 200, 2980],
      ],
    );
    const stereo = only(
      { ...track, codec: 'PCMU', channels: 2, sampleRate: 16_000 },
      audio(0, Buffer.alloc(1500), 'PCMU'),
    ).rtp;
    assert.deepEqual(
      stereo.map(({ payloadType, timestamp }) => [payloadType, timestamp]),
      [
        [100, 100],
        [100, 800],
      ],
    );
  });

  it('of Opus are whole, of MPEG audio behind their header', () => {
    const opus = only(opusTrack(2), audio(20, Buffer.alloc(1600, 1), 'OPUS')).rtp;
    assert.deepEqual(
      opus.map(({ payload, timestamp }) => [payload.length, timestamp]),
      [[1600, 1060]],
    );
    const track = { kind: 'audio', codec: 'MP3', sampleRate: 44_100, channels: 2 } as const;
    const mp3 = only(track, audio(20, Buffer.alloc(1500, 1), 'MP3')).rtp;
    assert.deepEqual(
      mp3.map(({ payload, timestamp }) => [payload.length, payload.readUInt32BE(0), timestamp]),
      [
        [1400, 0, 1900],
        [108, 1396, 1900],
      ],
    );
  });
});

describe('sender reports', () => {
  it('come before the first packet, and every 5 s, with one clock for both tracks', () => {
    const clock = new Clock();
    const muxer = muxerOf(AV, clock);
    assert.equal(muxer.header().length, 0);
    const first = muxer.write(video(3000, [hex('65888421')], true));
    assert.equal(first[1], 1, 'the report is what comes first');
    const { reports } = split(first);
    assert.deepEqual(
      reports.map(({ channel, ssrc, unixMs, rtpTimestamp, packets }) => [channel, ssrc, unixMs, rtpTimestamp, packets]),
      [
        [1, 1, NOON, 3000 * 90 - 90, 0],
        [3, 2, NOON, 3000 * 48 + 100, 0],
      ],
    );
    clock.now = 4999;
    assert.deepEqual(split(muxer.write(audio(7999, hex('aa')))).reports, []);
    clock.now = 5100;
    const later = split(muxer.write(audio(8100, hex('aabb')))).reports;
    assert.deepEqual(
      later.map(({ unixMs, rtpTimestamp, packets, octets }) => [unixMs, rtpTimestamp, packets, octets]),
      [
        [NOON + 5100, 8100 * 90 - 90, 2, 4 + 1 + 4 + SPS.length + PPS.length],
        [NOON + 5100, 8100 * 48 + 100, 1, 5],
      ],
    );
    clock.now = 5200;
    assert.deepEqual(split(muxer.write(audio(8200, hex('aa')))).reports, []);
  });

  it('are what a newcomer gets', () => {
    const muxer = muxerOf(AV);
    muxer.write(audio(3000, hex('aa')));
    const { reports, rtp } = split(muxer.header());
    assert.deepEqual(rtp, []);
    assert.deepEqual(
      reports.map(({ unixMs, rtpTimestamp }) => [unixMs, rtpTimestamp]),
      [
        [NOON, 3000 * 90 - 90],
        [NOON, 3000 * 48 + 100],
      ],
    );
  });

  it('go by the frame that came earliest, until the time of day has left it behind', () => {
    const clock = new Clock();
    const muxer = muxerOf(AV, clock);
    const at = (now: number, dts: number): number | null => {
      clock.now = now;
      const [one] = split(muxer.write(audio(dts, hex('aa')))).reports;
      return one?.unixMs ?? null;
    };
    assert.equal(at(0, 0), NOON);
    // a burst: the cached GOP
    assert.equal(at(0, 2000), null);
    assert.equal(at(5000, 6900), NOON + 4900);
    assert.equal(at(10_000, 10_500), NOON + 10_000);
  });
});

describe('the format', () => {
  const clock = new Clock();

  it('has a name for each layout, and carries what was set up', () => {
    const both = rtpFormat({ video: 0, audio: 2 }, clock);
    const audioOnly = rtpFormat({ video: null, audio: 4 }, clock);
    assert.deepEqual([both.name, audioOnly.name], ['rtp-0-2', 'rtp-none-4']);
    assert.equal(both.preamble(AV).length, 0);
    const carried = (format: typeof both): boolean[] =>
      ['H264', 'H265', 'AAC', 'OPUS', 'MP3', 'VP8'].map((codec) => format.carries(codec));
    assert.deepEqual(carried(both), [true, true, true, true, true, false]);
    assert.deepEqual(carried(audioOnly), [false, false, true, true, true, false]);
  });

  it('has another SSRC, sequence and timestamp for each muxer and track', () => {
    const format = rtpFormat({ video: 0, audio: 2 }, clock);
    const firsts = [format.createMuxer(AV), format.createMuxer(AV)].flatMap((muxer) => {
      const batches = [muxer.write(video(0, [hex('65888421')], true)), muxer.write(audio(0, hex('aa')))];
      return batches.flatMap((batch) => split(batch).rtp.slice(-1));
    });
    assert.equal(new Set(firsts.map(({ ssrc }) => ssrc)).size, 4);
    assert.equal(new Set(firsts.map(({ timestamp }) => timestamp)).size, 4);
    assert.deepEqual(
      firsts.map(({ channel }) => channel),
      [0, 2, 0, 2],
    );
  });

  it('leaves out tracks that were not set up, other codecs, data, and what has no bytes', () => {
    const empty = (
      frame: Frame,
      tracks: Tracks = AV,
      layout = { video: 0, audio: 2 } as { video: number | null; audio: number | null },
    ): void => {
      assert.equal(muxerOf(tracks, clock, layout).write(frame).length, 0);
    };
    const key = video(0, [hex('65888421')], true);
    empty(key, AV, { video: null, audio: 0 });
    empty(audio(0, hex('aa')), AV, { video: 0, audio: null });
    empty(key, { ...AV, video: H265 });
    empty(key, NO_TRACKS);
    empty(audio(0, hex('aa'), 'OPUS'));
    empty({ kind: 'data', dts: 0, pts: 0, data: hex('02') });
    empty(video(0, [hex('09f0')], true));
    empty({ ...key, data: Buffer.alloc(0) });
    empty({ ...key, data: hex('000000ff65') });
    empty(audio(0, Buffer.alloc(0)));
    empty(audio(0, Buffer.alloc(8192)));
    const surround = { ...AV, audio: opusTrack(6) };
    empty(audio(0, hex('aa'), 'OPUS'), surround);
    assert.deepEqual(
      describeTracks(surround).map(({ codec }) => codec),
      ['H264'],
    );
  });

  it('goes on over a change of codec, with reports and a payload type of its own', () => {
    const muxer = muxerOf(AV);
    muxer.write(video(0, [hex('65888421')], true));
    assert.equal(muxer.setTracks({ ...AV, video: H265 }).length, 0);
    assert.equal(muxer.write(video(40, [hex('41e02215')])).length, 0);
    const { rtp, reports } = split(muxer.write(video(80, [hex('2601af12')], true, 'H265')));
    assert.deepEqual(
      rtp.map(({ payloadType, sequence }) => [payloadType, sequence]),
      [
        [98, 1],
        [98, 2],
      ],
    );
    assert.equal(reports.length, 2);
  });

  it('gives RTP-Info what the first batch has', () => {
    const muxer = muxerOf(AV);
    const batch = muxer.write(video(1000, [hex('65888421')], true));
    assert.deepEqual(firstRtp(batch, 0), { sequence: 65_535, rtptime: 90_000 - 90 });
    assert.equal(firstRtp(batch, 2), null);
  });
});
