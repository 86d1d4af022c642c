/** FLV out: openings, changes, and files that ffmpeg reads without a complaint. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Frame, OutputFormat, Tracks, VideoFrame } from '../../media/index.ts';
import {
  aacTrack,
  annexBToNalUnits,
  h264Track,
  h265NalType,
  h265Track,
  isH265Irap,
  joinNalUnits,
  NO_TRACKS,
  opusTrack,
  splitNalUnits,
} from '../../media/index.ts';
import { amfEcmaArray, amfProperty } from './amf-value.ts';
import { serializeAmf0 } from './amf0.ts';
import { FlvDemuxer } from './demuxer.ts';
import { ffmpeg, ffprobe, packetHashes, testFlv, withFfmpeg } from './ffmpeg.fixture.ts';
import { buildMetadata, parseMetadata } from './metadata.ts';
import { flvFormats } from './muxer.ts';

const flvFormat = flvFormats['codec-id-12'];

import { writeTag } from './tag.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const VIDEO = h264Track([hex('6742c00dda0507faac0440000003004000000c83c50aa8')], [hex('68ce0fc8')]);
const AUDIO = aacTrack(hex('1210'));
const BOTH: Tracks = { video: VIDEO, audio: AUDIO, metadata: null };
const AUDIO_FRAME: Frame = { kind: 'audio', codec: 'AAC', dts: 23.2, pts: 23.2, data: hex('2110') };

interface Demuxed {
  readonly tracks: Tracks;
  readonly frames: readonly Frame[];
}

function demux(flv: Buffer): Demuxed {
  let tracks = NO_TRACKS;
  const frames: Frame[] = [];
  for (const event of new FlvDemuxer().push(flv)) {
    if (event.kind === 'tracks') tracks = event.tracks;
    else if (event.kind === 'frame') frames.push(event.frame);
    else assert.ok(event.kind === 'header' || event.kind === 'end-of-sequence', JSON.stringify(event));
  }
  return { tracks, frames };
}

function mux({ tracks, frames }: Demuxed, format: OutputFormat = flvFormat): Buffer {
  const muxer = format.createMuxer(tracks);
  return Buffer.concat([format.preamble(tracks), muxer.header(), ...frames.map((frame) => muxer.write(frame))]);
}

/** Type and timestamp of each tag. */
function outline(tags: Buffer): string[] {
  const lines: string[] = [];
  for (let at = 0; at < tags.length; at += 15 + tags.readUIntBE(at + 1, 3)) {
    lines.push(`${tags[at]} ${tags.readUIntBE(at + 4, 3) + (tags[at + 7] ?? 0) * 2 ** 24}`);
  }
  return lines;
}

describe('FLV format', () => {
  it('flags what is known or promised', () => {
    const flags = (tracks: Partial<Tracks>): number => flvFormat.preamble({ ...NO_TRACKS, ...tracks })[4] ?? -1;
    const metadata = (properties: Record<string, number | boolean | string>): Buffer =>
      serializeAmf0('onMetaData', amfEcmaArray(properties));
    assert.equal(flags({}), 5);
    assert.equal(flags({ video: VIDEO }), 1);
    assert.equal(flags({ audio: AUDIO }), 4);
    assert.equal(flags(BOTH), 5);
    assert.equal(flags({ metadata: metadata({ videocodecid: 7 }) }), 1);
    assert.equal(flags({ metadata: metadata({ audiocodecid: 'mp4a' }) }), 4);
    assert.equal(flags({ video: VIDEO, metadata: metadata({ audiocodecid: 10 }) }), 5);
    assert.equal(flags({ video: VIDEO, metadata: metadata({ hasAudio: true }) }), 5);
    assert.equal(flags({ video: VIDEO, metadata: metadata({ hasAudio: false, audiocodecid: 10 }) }), 1);
    assert.equal(flags({ audio: AUDIO, metadata: metadata({ hasAudio: false, videocodecid: 0 }) }), 4);
    assert.equal(flags({ metadata: metadata({ width: 1 }) }), 5);
    assert.equal(flags({ metadata: hex('ff') }), 5);
    assert.equal(flvFormat.preamble(NO_TRACKS).length, 13);
  });

  it('carries all codecs of the house and no other', () => {
    for (const codec of ['H264', 'H265', 'AAC', 'MP3', 'PCMA', 'PCMU', 'OPUS']) assert.ok(flvFormat.carries(codec));
    assert.ok(!flvFormat.carries('AV1'));
  });

  it('opens with metadata and sequence headers at the time of the last frame, metadata at 0', () => {
    const muxer = flvFormat.createMuxer(BOTH);
    assert.deepEqual(outline(muxer.header()), ['18 0', '9 0', '8 0']);
    muxer.write(AUDIO_FRAME);
    assert.deepEqual(outline(muxer.header()), ['18 0', '9 23', '8 23']);
    assert.equal(flvFormat.createMuxer(NO_TRACKS).header().length, 0);
  });

  it('passes the publisher’s metadata on as it came, and makes some where there is none', () => {
    const metadata = serializeAmf0('onMetaData', amfEcmaArray({ encoder: 'OBS' }));
    const header = flvFormat.createMuxer({ ...BOTH, metadata }).header();
    assert.ok(header.subarray(0, metadata.length + 15).equals(writeTag(18, 0, metadata)));
    const made = amfEcmaArray({
      width: 318,
      height: 238,
      videocodecid: 7,
      audiocodecid: 10,
      audiosamplerate: 44100,
      stereo: true,
    });
    assert.deepEqual(parseMetadata(buildMetadata(BOTH, 'codec-id-12')), made);
    assert.deepEqual(demux(mux({ tracks: BOTH, frames: [] })).tracks.metadata, buildMetadata(BOTH, 'codec-id-12'));
    const hevc = { ...NO_TRACKS, video: h265Track([], [], []) };
    for (const [tagging, id] of [
      ['codec-id-12', 12],
      ['enhanced', Buffer.from('hvc1').readUInt32BE()],
    ] as const) {
      assert.equal(amfProperty(parseMetadata(buildMetadata(hevc, tagging)), 'videocodecid'), id);
    }
    assert.equal(parseMetadata(serializeAmf0('onCuePoint', made)), undefined);
  });

  it('tells running players what changed, by content', () => {
    const metadata = serializeAmf0('onMetaData', amfEcmaArray({ encoder: 'OBS' }));
    const tracks = { ...BOTH, metadata };
    const muxer = flvFormat.createMuxer(tracks);
    muxer.write(AUDIO_FRAME);
    const copy: Tracks = {
      video: h264Track(VIDEO.sps, VIDEO.pps.map(Buffer.from)),
      audio: aacTrack(hex('1210')),
      metadata: Buffer.from(metadata),
    };
    assert.equal(muxer.setTracks(copy).length, 0);
    const other = h264Track(VIDEO.sps, [hex('68ce0fc9')]);
    assert.deepEqual(outline(muxer.setTracks({ ...copy, video: other })), ['9 23']);
    assert.deepEqual(outline(muxer.setTracks({ ...copy, video: other, audio: aacTrack(hex('1190')) })), ['8 23']);
    // without the publisher's, metadata are made, and are new
    assert.deepEqual(outline(muxer.setTracks({ ...copy, metadata: null })), ['18 0', '9 23', '8 23']);
    // a publisher that comes back brings its tracks one after the other: players have them already
    assert.equal(muxer.setTracks(NO_TRACKS).length, 0);
    assert.equal(muxer.header().length, 0);
    assert.deepEqual(outline(muxer.setTracks({ ...copy, metadata: null, audio: null })), ['18 0']);
  });

  it('writes exact buffers: times rounded, and modulo 2^32', () => {
    const muxer = flvFormat.createMuxer(BOTH);
    const video: VideoFrame = {
      kind: 'video',
      codec: 'H264',
      dts: 33.4,
      pts: 66.6,
      key: true,
      data: hex('0000000165'),
    };
    assert.deepEqual(muxer.write(video), writeTag(9, 33, hex('17 01 000022 00000001 65')));
    assert.deepEqual(muxer.write({ ...AUDIO_FRAME, dts: 2 ** 32 + 1.5 }), writeTag(8, 2, hex('af 01 2110')));
    const cue = serializeAmf0('onCuePoint', null);
    assert.deepEqual(muxer.write({ kind: 'data', dts: -1, pts: -1, data: cue }), writeTag(18, 0xffffffff, cue));
    assert.equal(muxer.write({ ...video, data: Buffer.alloc(0x1000000) }).length, 0);
  });

  it('leaves out sequence headers that cannot be written', () => {
    const muxer = flvFormat.createMuxer({ video: h264Track([], []), audio: opusTrack(9), metadata: null });
    assert.deepEqual(outline(muxer.header()), ['18 0']);
  });
});

describe('FLV of ffmpeg', withFfmpeg, () => {
  it('comes out as it went in, byte for byte', () => {
    const flv = testFlv('318x238', 1);
    const again = mux(demux(flv));
    // ffmpeg ends with an end of sequence, 16 + 4 bytes
    assert.deepEqual(again, flv.subarray(0, flv.length - 20));
    assert.deepEqual(ffprobe('stream=codec_name,width,height', again), ['h264,318,238', 'aac']);
    assert.equal(packetHashes(again), packetHashes(flv));
    ffmpeg(['-xerror', '-err_detect', 'explode', '-i', 'pipe:0', '-f', 'null', '-'], again);
  });

  it('comes out as it went in with made metadata, single tracks, MP3 and G711', () => {
    const video = testFlv('64x48', 0.4, '-an');
    assert.deepEqual(demux(video).tracks.audio, null);
    const codecs = [
      ['aac', '44100'],
      ['libmp3lame', '44100'],
      ['pcm_alaw', '8000'],
      ['pcm_mulaw', '8000'],
    ] as const;
    const audios = codecs.map(([codec, rate]) =>
      ffmpeg([
        '-f',
        'lavfi',
        '-i',
        'sine=duration=0.4',
        '-c:a',
        codec,
        '-ar',
        rate,
        '-flvflags',
        'no_duration_filesize',
        '-f',
        'flv',
        'pipe:1',
      ]),
    );
    for (const flv of [video, ...audios]) {
      const demuxed = demux(flv);
      const again = mux({ ...demuxed, tracks: { ...demuxed.tracks, metadata: null } });
      assert.equal(packetHashes(again), packetHashes(flv));
      assert.deepEqual(demux(again).frames, demuxed.frames);
    }
  });

  it('carries H265 of libx265, tagged either way', () => {
    const source = ['-f', 'lavfi', '-i', 'testsrc=size=318x238:rate=25:duration=0.4', '-pix_fmt', 'yuv420p'];
    const options = ['-c:v', 'libx265', '-x265-params', 'log-level=none:aud=1:keyint=5:bframes=0'];
    const stream = ffmpeg([...source, ...options, '-f', 'hevc', 'pipe:1']);
    const units = annexBToNalUnits(stream);
    const ofType = (type: number): Buffer[] => units.filter((unit) => h265NalType(unit) === type).slice(0, 1);
    const video = h265Track(ofType(32), ofType(33), ofType(34));
    assert.deepEqual([video.width, video.height], [318, 238]);
    const frames: VideoFrame[] = [];
    let unitsOfFrame: Buffer[] = [];
    for (const unit of [...units.slice(1), units[0] ?? hex('')]) {
      if (h265NalType(unit) !== 35) unitsOfFrame.push(unit);
      else {
        const dts = frames.length * 40;
        const key = unitsOfFrame.some(isH265Irap);
        frames.push({ kind: 'video', codec: 'H265', dts, pts: dts, key, data: joinNalUnits(unitsOfFrame) });
        unitsOfFrame = [];
      }
    }
    assert.equal(frames.length, 10);
    assert.equal(frames.filter((frame) => frame.key).length, 2);
    for (const tagging of ['codec-id-12', 'enhanced'] as const) {
      const again = demux(mux({ tracks: { ...NO_TRACKS, video }, frames }, flvFormats[tagging]));
      assert.deepEqual(again.tracks.video, video);
      assert.deepEqual(again.frames, frames);
      const annexB = again.frames.flatMap(({ data }) => splitNalUnits(data).flatMap((unit) => [hex('00000001'), unit]));
      const decode = (bytes: Buffer): string =>
        ffmpeg(['-f', 'hevc', '-i', 'pipe:0', '-f', 'streamhash', 'pipe:1'], bytes).toString();
      assert.equal(decode(Buffer.concat(annexB)), decode(stream));
    }
  });
});
