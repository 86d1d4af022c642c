/** FLV in: what ffmpeg wrote, in every split, and what is not FLV. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { everySplit } from '../../media/every-split.fixture.ts';
import type { FlvEvent } from './demuxer.ts';
import { FlvDemuxer } from './demuxer.ts';
import { ffprobe, testFlv, withFfmpeg } from './ffmpeg.fixture.ts';
import { FlvError, serializeFlvHeader, writeTag } from './tag.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

function demux(pieces: readonly Buffer[]): FlvEvent[] {
  const demuxer = new FlvDemuxer();
  return pieces.flatMap((piece) => demuxer.push(piece));
}

describe('FlvDemuxer', () => {
  it('gives the packets that ffprobe sees', withFfmpeg, () => {
    const flv = testFlv('318x238', 1);
    const events = demux([flv]);
    assert.deepEqual(events[0], { kind: 'header', hasVideo: true, hasAudio: true });
    assert.ok(events.every(({ kind }) => ['header', 'tracks', 'frame', 'end-of-sequence'].includes(kind)));
    const tracks = events.findLast((event) => event.kind === 'tracks')?.tracks;
    assert.deepEqual([tracks?.video?.codec, tracks?.video?.width, tracks?.video?.height], ['H264', 318, 238]);
    assert.deepEqual([tracks?.audio?.codec, tracks?.audio?.sampleRate, tracks?.audio?.channels], ['AAC', 44100, 2]);
    const frames = events.flatMap((event) => (event.kind === 'frame' ? [event.frame] : []));
    const lines = frames.map((frame) => {
      const key = frame.kind === 'audio' || (frame.kind === 'video' && frame.key);
      return [frame.kind, frame.pts, frame.dts, frame.data.length, key ? 'K_' : '__'].join(',');
    });
    assert.deepEqual(lines, ffprobe('packet=codec_type,pts,dts,size,flags', flv));
  });

  it('does not care how the bytes are cut', withFfmpeg, () => {
    const events = everySplit(testFlv('64x48', 0.2), demux);
    assert.ok(events.length > 10);
  });

  it('tells of encrypted tags, and skips a longer header', () => {
    const header = hex('464c56 01 04 0000000b 0000 00000000');
    const tag = writeTag(8, 0, hex('72d5'));
    const encrypted = Buffer.from(tag);
    encrypted[0] = 0x28;
    const events = demux([Buffer.concat([header, encrypted, tag])]);
    assert.deepEqual(
      events.map((event) => event.kind),
      ['header', 'unsupported', 'tracks', 'frame'],
    );
    assert.deepEqual(events[0], { kind: 'header', hasVideo: false, hasAudio: true });
  });

  it('refuses what is not FLV', () => {
    assert.deepEqual(demux([hex('474011')]), []);
    assert.throws(() => demux([Buffer.from('HTTP/1.1 200 OK')]), FlvError);
  });

  it('goes on over garbage in tags', () => {
    const tag = fc.tuple(fc.constantFrom(8 as const, 9 as const, 18 as const), fc.uint8Array({ maxLength: 30 }));
    fc.assert(
      fc.property(fc.array(tag, { maxLength: 10 }), (tags) => {
        const bytes = [serializeFlvHeader(5), ...tags.map(([type, body]) => writeTag(type, 0, Buffer.from(body)))];
        const last = writeTag(18, 1, hex('02 0001 61'));
        assert.equal(demux([...bytes, last]).at(-1)?.kind, 'frame');
      }),
    );
  });
});
