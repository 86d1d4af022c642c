/** Audio tag bodies: legacy and enhanced, both ways. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { AudioFrame, AudioTrack } from '../../media/index.ts';
import { aacTrack, opusTrack, serializeOpusHead } from '../../media/index.ts';
import type { AudioTag } from './audio-tag.ts';
import { AudioTagParser, audioConfigTagBody, audioTagBody, audioTagPrefix, audioTagPrefixSize } from './audio-tag.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const AAC = aacTrack(hex('1210'));
const OPUS_HEAD = serializeOpusHead(opusTrack(2)).toString('hex');
const mp4a = '6d703461';
const opus = '4f707573';
const mp3 = '2e6d7033';

/** What the last of these bodies gives. */
function parse(...bodies: readonly string[]): AudioTag {
  const parser = new AudioTagParser();
  let tag: AudioTag = { kind: 'ignored', why: '' };
  for (const body of bodies) tag = parser.parse(hex(body));
  return tag;
}

const plain = (codec: 'MP3' | 'PCMA' | 'PCMU', sampleRate: number, channels: number): AudioTrack => ({
  kind: 'audio',
  codec,
  sampleRate,
  channels,
});

describe('audio tag, legacy', () => {
  it('reads AAC', () => {
    assert.deepEqual(parse('af 00 1210'), { kind: 'config', track: AAC });
    assert.deepEqual(parse('af 00 1210', 'af 01 2110'), {
      kind: 'frame',
      codec: 'AAC',
      data: hex('2110'),
      newTrack: null,
    });
    assert.equal(parse('af 01 2110').kind, 'ignored');
    assert.equal(parse('af 00').kind, 'ignored');
    assert.equal(parse('af 00 1210', 'af 01').kind, 'ignored');
    assert.equal(parse('af 02').kind, 'ignored');
    assert.equal(parse('af').kind, 'corrupt');
    assert.equal(parse('af 00 16').kind, 'corrupt');
  });

  it('finds the track of codecs without a sequence header in their first frame, and its changes', () => {
    const frame = { kind: 'frame', codec: 'MP3', data: hex('fffb9064') } as const;
    assert.deepEqual(parse('2f fffb9064'), { ...frame, newTrack: plain('MP3', 44100, 2) });
    assert.deepEqual(parse('2f fffb9064', '2f fffb9064'), { ...frame, newTrack: null });
    const next = parse('2f fffb9064', '2f fffb94c4');
    assert.deepEqual(next, { ...frame, data: hex('fffb94c4'), newTrack: plain('MP3', 48000, 1) });
    const low = parse('ee ffe338c4');
    assert.deepEqual(low.kind === 'frame' && low.newTrack, plain('MP3', 8000, 1));
    const alaw = parse('72 d5d5');
    assert.deepEqual(alaw.kind === 'frame' && alaw.newTrack, plain('PCMA', 8000, 1));
    const ulaw = parse('83 ffff');
    assert.deepEqual(ulaw.kind === 'frame' && ulaw.newTrack, plain('PCMU', 8000, 2));
  });

  it('names what it does not carry, and leaves empty tags out', () => {
    assert.deepEqual(parse('b2 00'), { kind: 'unsupported', codecName: 'Speex' });
    assert.deepEqual(parse('c2 00'), { kind: 'unsupported', codecName: 'FLV sound format 12' });
    for (const body of ['', '2f', '72']) assert.equal(parse(body).kind, 'ignored', body);
    assert.equal(parse('2f 00000000').kind, 'corrupt');
  });
});

describe('audio tag, enhanced', () => {
  it('reads AAC, Opus and MP3', () => {
    assert.deepEqual(parse(`90 ${mp4a} 1210`), { kind: 'config', track: AAC });
    const aac = parse(`90 ${mp4a} 1210`, `91 ${mp4a} 2110`);
    assert.deepEqual(aac, { kind: 'frame', codec: 'AAC', data: hex('2110'), newTrack: null });
    assert.deepEqual(parse(`90 ${opus} ${OPUS_HEAD}`), { kind: 'config', track: opusTrack(2) });
    const packet = parse(`90 ${opus} ${OPUS_HEAD}`, `91 ${opus} f8fffe`);
    assert.deepEqual(packet, { kind: 'frame', codec: 'OPUS', data: hex('f8fffe'), newTrack: null });
    const layer3 = parse(`91 ${mp3} fffb9064`);
    assert.deepEqual(layer3.kind === 'frame' && layer3.newTrack, plain('MP3', 44100, 2));
    assert.equal(parse(`90 ${mp3}`).kind, 'ignored');
    assert.deepEqual(parse(`92 ${opus}`), { kind: 'end-of-sequence' });
  });

  it('takes the channels of Opus without a header from its first packet', () => {
    const tag = parse(`91 ${opus} fcfffe`);
    assert.deepEqual(tag.kind === 'frame' && tag.newTrack, opusTrack(2));
  });

  it('skips ModEx and takes track 0 of several', () => {
    const data = hex('2110');
    const expected = { kind: 'frame', codec: 'AAC', data, newTrack: null };
    assert.deepEqual(parse('af 00 1210', `97 02 000001 01 ${mp4a} 2110`), expected);
    assert.deepEqual(parse('af 00 1210', `95 01 ${mp4a} 00 2110`), expected);
    assert.deepEqual(parse('af 00 1210', `95 21 ${opus} 01 000001 f8 ${mp4a} 00 000002 2110`), expected);
    assert.equal(parse('af 00 1210', `95 01 ${mp4a} 07 2110`).kind, 'ignored');
  });

  it('names what it does not carry, and says what is corrupt', () => {
    assert.deepEqual(parse('90 664c6143'), { kind: 'unsupported', codecName: 'fLaC' });
    assert.equal(parse(`94 ${opus} 00`).kind, 'ignored');
    for (const body of ['90', '90 4f70', `90 ${opus} 00`, '97 05', '95'])
      assert.equal(parse(body).kind, 'corrupt', body);
  });
});

describe('audio tag, written', () => {
  const tracks: readonly AudioTrack[] = [
    AAC,
    opusTrack(1),
    opusTrack(6),
    plain('PCMA', 8000, 1),
    plain('PCMU', 8000, 2),
  ];
  for (const track of tracks) {
    it(`gives back ${track.codec} of ${track.channels} channels`, () => {
      const parser = new AudioTagParser();
      const config = audioConfigTagBody(track);
      if (config.length > 0) assert.deepEqual(parser.parse(config), { kind: 'config', track });
      const frame: AudioFrame = { kind: 'audio', codec: track.codec, dts: 0, pts: 0, data: hex('f8fffe') };
      const newTrack = config.length > 0 ? null : track;
      assert.deepEqual(parser.parse(audioTagBody(frame, track)), {
        kind: 'frame',
        codec: track.codec,
        data: frame.data,
        newTrack,
      });
    });
  }

  it('writes the bytes that players expect', () => {
    const frame: AudioFrame = { kind: 'audio', codec: 'AAC', dts: 0, pts: 0, data: hex('21') };
    const first = (codec: 'MP3' | 'PCMA', track: AudioTrack | null): string =>
      audioTagBody({ ...frame, codec }, track).toString('hex', 0, 1);
    assert.deepEqual(audioConfigTagBody(AAC), hex('af 00 1210'));
    assert.deepEqual(audioTagBody(frame, AAC), hex('af 01 21'));
    assert.deepEqual(audioConfigTagBody(opusTrack(2)), hex(`90 ${opus} ${OPUS_HEAD}`));
    assert.deepEqual(audioTagBody({ ...frame, codec: 'OPUS' }, null), hex(`91 ${opus} 21`));
    assert.equal(first('MP3', plain('MP3', 44100, 2)), '2f');
    assert.equal(first('MP3', plain('MP3', 22050, 1)), '2a');
    assert.equal(first('MP3', plain('MP3', 48000, 2)), '2f');
    assert.equal(first('MP3', plain('MP3', 8000, 1)), 'e2');
    assert.equal(first('MP3', null), '2e');
    assert.equal(first('PCMA', null), '72');
    const target = Buffer.alloc(4, 0xee);
    assert.equal(audioTagPrefix(frame, AAC, target, 1), audioTagPrefixSize('AAC'));
    assert.deepEqual(target, hex('ee af01 ee'));
  });

  it('parse never throws, whatever the bytes', () => {
    const start = fc.constantFrom('af00', 'af01', '2f', '72', '90', '91', '95', '97', `90${opus}`, `90${mp4a}`, '');
    const parser = new AudioTagParser();
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 60 }), (head, bytes) => {
        const tag = parser.parse(Buffer.concat([hex(head), bytes]));
        assert.ok(['config', 'frame', 'end-of-sequence', 'ignored', 'unsupported', 'corrupt'].includes(tag.kind));
      }),
      { numRuns: 1000 },
    );
  });
});
