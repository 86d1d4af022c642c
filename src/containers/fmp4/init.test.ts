import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aacTrack, h264Track, h265Track, opusTrack, type Track, type Tracks } from '../../media/index.ts';
import { createFmp4Init, fmp4CodecStrings } from './init.ts';
import { boxes, find } from './inspect.fixture.ts';

const SPS = Buffer.from('6742c01ed90280bfe5c05a808080a0000003002000000651e2c5d4', 'hex');
const H264 = h264Track([SPS], [Buffer.from('68cb83cb20', 'hex')]);
/** Main profile, level 3.1, of libx265. */
const HEVC_SPS = '42010101600000030090000003000003005da00280802d165959a4932bc05a70808080820000030002000003007810';
const H265 = h265Track(
  [Buffer.from('40010c01', 'hex')],
  [Buffer.from(HEVC_SPS, 'hex')],
  [Buffer.from('4401c172', 'hex')],
);
const AAC = aacTrack(Buffer.from('1210', 'hex'));

function tracks(...list: readonly Track[]): Tracks {
  const video = list.find((track) => track.kind === 'video') ?? null;
  const audio = list.find((track) => track.kind === 'audio') ?? null;
  return { video, audio, metadata: null };
}

describe('codec strings', () => {
  const cases: readonly [string, Tracks, string][] = [
    ['H264 and AAC LC', tracks(H264, AAC), 'avc1.42c01e,mp4a.40.2'],
    ['H265 and Opus', tracks(H265, opusTrack(2)), 'hvc1.1.6.L93.90,opus'],
    ['HE-AAC', tracks(aacTrack(Buffer.from('2b920800', 'hex'))), 'mp4a.40.5'],
    ['MP3', tracks({ kind: 'audio', codec: 'MP3', sampleRate: 44100, channels: 2 }), 'mp4a.6B'],
    ['MP3 of a low rate', tracks({ kind: 'audio', codec: 'MP3', sampleRate: 22050, channels: 2 }), 'mp4a.69'],
    ['G711 is left out', tracks(H264, { kind: 'audio', codec: 'PCMA', sampleRate: 8000, channels: 1 }), 'avc1.42c01e'],
  ];
  for (const [name, given, expected] of cases) {
    it(name, () => assert.equal(fmp4CodecStrings(given), expected));
  }
});

describe('the initialisation segment', () => {
  it('is null where nothing can be carried', () => {
    assert.equal(createFmp4Init(tracks()), null);
    assert.equal(createFmp4Init(tracks({ kind: 'audio', codec: 'PCMU', sampleRate: 8000, channels: 1 })), null);
    assert.equal(createFmp4Init(tracks(h264Track([], []))), null);
  });

  it('has a track and its defaults for each that is carried', () => {
    const init = createFmp4Init(tracks(H264, AAC));
    assert.ok(init !== null);
    assert.deepEqual(
      boxes(init).map(({ type }) => type),
      ['ftyp', 'moov'],
    );
    const types = (content: Buffer): string[] => boxes(content).map(({ type }) => type);
    assert.deepEqual(types(find(init, 'moov')), ['mvhd', 'trak', 'trak', 'mvex']);
    assert.deepEqual(types(find(init, 'moov', 'mvex')), ['trex', 'trex']);
    const alone = createFmp4Init(tracks(AAC));
    assert.ok(alone !== null);
    assert.deepEqual(types(find(alone, 'moov')), ['mvhd', 'trak', 'mvex']);
    const description = find(alone, 'moov', 'trak', 'mdia', 'minf', 'stbl', 'stsd');
    assert.deepEqual(types(description.subarray(8)), ['mp4a']);
  });

  it('is the same bytes for the same tracks', () => {
    assert.deepEqual(createFmp4Init(tracks(H265, AAC)), createFmp4Init(tracks(H265, AAC)));
  });
});
