/** Audio out of packets: AAC in both payload formats, G711, Opus. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { AudioTrack, Frame, Track } from '../../media/index.ts';
import { AacDepacketizer } from './aac-depacketizer.ts';
import { AudioReader } from './audio-reader.ts';
import { LatmDepacketizer } from './latm-depacketizer.ts';
import type { RtpMedia } from './media.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

const AAC: RtpMedia = {
  kind: 'audio',
  codec: 'AAC',
  encoding: 'MPEG4-GENERIC',
  payloadType: 97,
  clockRate: 48_000,
  channels: 2,
  fmtp: { mode: 'AAC-hbr', sizelength: '13', indexlength: '3', indexdeltalength: '3', config: '1190' },
};
/** Written by GStreamer for AAC LC, 48000 Hz, stereo. */
const LATM: RtpMedia = { ...AAC, encoding: 'MP4A-LATM', fmtp: { cpresent: '0', config: '40002320adca00' } };

interface Step {
  readonly p: string;
  readonly t?: number;
  readonly m?: boolean;
  readonly lost?: number;
}

interface Result {
  /** Each: its time in ms and its bytes. */
  readonly frames: string[];
  readonly track: Track | undefined;
  readonly problems: readonly string[];
  readonly dropped: number;
}

function read(media: RtpMedia, steps: readonly Step[]): Result {
  const frames: string[] = [];
  const problems: string[] = [];
  let track: Track | undefined;
  let dropped = 0;
  const sink = {
    track: (found: Track) => {
      track = found;
    },
    frame: (frame: Frame) => void frames.push(`${Math.round(frame.pts)} ${frame.data.toString('hex')}`),
    problem: (message: string) => void problems.push(message),
    excess: () => {},
    dropped: () => void dropped++,
  };
  const reader = AudioReader.create(media, sink, (timestamp) => timestamp / 48);
  assert.ok(typeof reader !== 'string', String(reader));
  for (const [sequence, { p, t, m, lost }] of steps.entries()) {
    const packet = { marker: m ?? true, payloadType: 97, sequence, timestamp: t ?? 0, ssrc: 1, payload: hex(p) };
    reader.push({ packet, lost: lost ?? 0, restarted: false });
  }
  return { frames, track, problems, dropped };
}

function refusal(media: RtpMedia): string {
  const sink = { track: () => {}, frame: () => {}, problem: () => {}, excess: () => {}, dropped: () => {} };
  const reader = AudioReader.create(media, sink, () => 0);
  return typeof reader === 'string' ? reader : 'read';
}

describe('MPEG4-GENERIC', () => {
  const aacLbr = { ...AAC, fmtp: { mode: 'AAC-lbr', config: '1190' } };
  const withAuxiliary = { ...AAC, fmtp: { ...AAC.fmtp, auxiliarydatasizelength: '8' } };
  const cases: readonly { name: string; media?: RtpMedia; steps: Step[]; frames: string[] }[] = [
    { name: 'one access unit', steps: [{ p: '0010 0018 aabbcc' }], frames: ['0 aabbcc'] },
    { name: 'several', steps: [{ p: '0020 0010 0018 aabb ccddee', t: 4800 }], frames: ['100 aabb', '121 ccddee'] },
    {
      name: 'a fragmented one',
      steps: [{ p: '0010 0028 aabb', m: false }, { p: '0010 0028 ccddee' }],
      frames: ['0 aabbccddee'],
    },
    { name: 'lengths by the mode', media: aacLbr, steps: [{ p: '0008 0c aabbcc' }], frames: ['0 aabbcc'] },
    {
      name: 'lengths by the mode that is left out',
      media: { ...AAC, fmtp: {} },
      steps: [{ p: '0010 0008 aa' }],
      frames: ['0 aa'],
    },
    { name: 'an auxiliary section', media: withAuxiliary, steps: [{ p: '0010 0008 08 ff aa' }], frames: ['0 aa'] },
    {
      name: 'no AU headers at all',
      media: { ...AAC, fmtp: { mode: 'generic', config: '1190' } },
      steps: [{ p: 'aabb' }],
      frames: ['0 aabb'],
    },
    { name: 'an empty payload', steps: [{ p: '' }], frames: [] },
  ];
  for (const { name, media, steps, frames } of cases) {
    it(name, () => assert.deepEqual(read(media ?? AAC, steps), { ...read(media ?? AAC, []), frames }));
  }

  const refused: readonly { name: string; steps: Step[]; problem: RegExp }[] = [
    { name: 'one byte', steps: [{ p: '00' }], problem: /an AAC payload of 1 byte/ },
    {
      name: 'more headers than bytes',
      steps: [{ p: 'ffff 0018 aabbcc' }],
      problem: /AU headers of 65535 bits in a payload of 7 bytes/,
    },
    {
      name: 'a header that is cut',
      steps: [{ p: '0011 0018 00 aabbcc' }],
      problem: /1 bits where an AU header is due/,
    },
    {
      name: 'less than the sizes say',
      steps: [{ p: '0020 0018 0018 aabbcc' }],
      problem: /AU headers that say 6 bytes before 3 bytes/,
    },
    { name: 'more than the sizes say', steps: [{ p: '0010 0008 aabb' }], problem: /say 1 bytes before 2 bytes/ },
    { name: 'interleaved access units', steps: [{ p: '0020 0008 0009 aabb' }], problem: /AU-Index-delta of 1/ },
    {
      name: 'fragments of different sizes',
      steps: [{ p: '0010 0028 aabb' }, { p: '0010 0030 ccddee' }],
      problem: /2 of 5 bytes of an access unit came/,
    },
    {
      name: 'a fragment of another time',
      steps: [{ p: '0010 0028 aabb' }, { p: '0010 0028 ccddee', t: 1 }],
      problem: /2 of 5 bytes/,
    },
    {
      name: 'more fragments than the size',
      steps: [{ p: '0010 0028 aabb' }, { p: '0010 0028 ccddeeff' }],
      problem: /6 bytes came of an access unit of 5/,
    },
  ];
  for (const { name, steps, problem } of refused) {
    it(`refuses ${name}, and goes on`, () => {
      const result = read(AAC, [...steps, { p: '0010 0008 aa', t: 48_000 }]);
      assert.deepEqual(result.frames, ['1000 aa']);
      assert.equal(result.dropped, 1);
      assert.match(result.problems.join(), problem);
    });
  }

  it('goes on after a loss, without what was begun', () => {
    const result = read(AAC, [
      { p: '0010 0028 aabb', m: false },
      { p: '0010 0008 aa', t: 4800, lost: 1 },
    ]);
    assert.deepEqual(result.frames, ['100 aa']);
    assert.deepEqual(result.problems, []);
    assert.equal(result.dropped, 1);
  });

  it('has the track of config, or AAC LC by the rtpmap', () => {
    const wanted = { kind: 'audio', codec: 'AAC', config: hex('1190'), sampleRate: 48_000, channels: 2 };
    assert.deepEqual(read(AAC, []).track, wanted);
    assert.deepEqual(read({ ...AAC, fmtp: {} }, []).track, wanted);
  });

  it('says what it does not read', () => {
    const fmtp = AAC.fmtp;
    assert.match(refusal({ ...AAC, fmtp: { ...fmtp, sizelength: '33' } }), /sizelength=33, 0 to 16 bits/);
    assert.match(refusal({ ...AAC, fmtp: { ...fmtp, indexlength: 'x' } }), /indexlength=x/);
    assert.match(refusal({ ...AAC, fmtp: { ...fmtp, ctsdeltalength: '4' } }), /ctsdeltalength=4/);
    assert.match(refusal({ ...AAC, fmtp: { ...fmtp, config: '11' } }), /AudioSpecificConfig that cannot be read/);
    assert.match(refusal({ ...AAC, channels: 7, fmtp: {} }), /AAC of 7 channels without config/);
    assert.match(refusal({ ...AAC, codec: 'MP3', encoding: 'MPA' }), /MPA is not read/);
  });

  it('ends in frames or a problem, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.uint8Array({ maxLength: 20 }), fc.nat(2), fc.boolean()), { maxLength: 8 }),
        (packets) => {
          const aac = AacDepacketizer.create(AAC.fmtp);
          const latm = LatmDepacketizer.create(LATM.fmtp);
          assert.ok(typeof aac !== 'string' && typeof latm !== 'string');
          for (const [bytes, timestamp, marker] of packets) {
            aac.push(Buffer.from(bytes), timestamp);
            latm.push(Buffer.from(bytes), timestamp, marker);
          }
        },
      ),
    );
  });
});

describe('MP4A-LATM', () => {
  it('has the track of its StreamMuxConfig', () => {
    const { track } = read(LATM, []);
    assert.ok(track !== undefined && track.codec === 'AAC');
    assert.deepEqual([track.sampleRate, track.channels, track.config.toString('hex')], [48_000, 2, '1190']);
  });

  const long = 'ab'.repeat(300);
  const cases: readonly { name: string; config?: string; steps: Step[]; frames: string[] }[] = [
    { name: 'one frame', steps: [{ p: '03 aabbcc' }], frames: ['0 aabbcc'] },
    { name: 'a frame of 300 bytes', steps: [{ p: `ff 2d ${long}` }], frames: [`0 ${long}`] },
    {
      name: 'a frame in fragments',
      steps: [{ p: '05 aabb', m: false }, { p: 'ccdd', m: false }, { p: 'ee' }],
      frames: ['0 aabbccddee'],
    },
    {
      name: 'two frames an element',
      config: '41002320adca00',
      steps: [{ p: '01 aa 02 bbcc' }],
      frames: ['0 aa', '21 bbcc'],
    },
    {
      name: 'a loss',
      steps: [
        { p: '05 aabb', m: false },
        { p: '01 aa', t: 4800, lost: 1 },
      ],
      frames: ['100 aa'],
    },
  ];
  for (const { name, config, steps, frames } of cases) {
    it(name, () => {
      const media = config === undefined ? LATM : { ...LATM, fmtp: { ...LATM.fmtp, config } };
      const result = read(media, steps);
      assert.deepEqual(result.frames, frames);
      assert.deepEqual(result.problems, []);
    });
  }

  it('refuses lengths beyond the data, elements without an end, and too long ones', () => {
    assert.match(read(LATM, [{ p: '05 aa' }]).problems.join(), /a frame of 5 bytes in an audioMuxElement with 1/);
    assert.match(read(LATM, [{ p: 'ff' }]).problems.join(), /ends in a frame's length/);
    assert.match(
      read(LATM, [
        { p: '05 aa', m: false },
        { p: '01 aa', t: 1 },
      ]).problems.join(),
      /2 bytes .* came, and not its end/,
    );
    const steps = Array.from({ length: 70 }, () => ({ p: 'aa'.repeat(1000), m: false }));
    assert.match(read(LATM, steps).problems.join(), /66000 bytes and more, at most 65536/);
  });

  it('says what it does not read', () => {
    assert.match(refusal({ ...LATM, fmtp: { cpresent: '1' } }), /configuration in band, which is not read/);
    assert.match(refusal({ ...LATM, fmtp: { config: 'c0' } }), /audioMuxVersion 1/);
    assert.match(refusal({ ...LATM, fmtp: { config: '0000' } }), /framings of their own/);
    assert.match(refusal({ ...LATM, fmtp: { config: '40102320adca00' } }), /more than one program or layer/);
    assert.match(refusal({ ...LATM, fmtp: { config: '4000' } }), /cannot be read/);
  });
});

describe('plain codecs', () => {
  it('are one frame a packet', () => {
    const g711: RtpMedia = { ...AAC, codec: 'PCMA', encoding: 'PCMA', clockRate: 8000, channels: 1, fmtp: {} };
    const result = read(g711, [
      { p: 'd5d5', t: 0, m: false },
      { p: '', t: 48 },
      { p: 'd5', t: 96 },
    ]);
    assert.deepEqual(result.frames, ['0 d5d5', '2 d5']);
    assert.deepEqual(result.track, {
      kind: 'audio',
      codec: 'PCMA',
      sampleRate: 8000,
      channels: 1,
    } satisfies AudioTrack);
  });

  it('of Opus have two channels unless one is announced', () => {
    const opus: RtpMedia = { ...AAC, codec: 'OPUS', encoding: 'OPUS', fmtp: {} };
    const channels = (fmtp: Record<string, string>): unknown => {
      const { track } = read({ ...opus, fmtp }, []);
      return track?.kind === 'audio' ? track.channels : null;
    };
    assert.deepEqual([channels({}), channels({ 'sprop-stereo': '1' }), channels({ 'sprop-stereo': '0' })], [2, 2, 1]);
  });
});
