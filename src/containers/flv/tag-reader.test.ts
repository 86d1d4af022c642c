/** Tags to tracks and frames: changes, repetitions, time, script data. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aacTrack, h264Track, NO_TRACKS } from '../../media/index.ts';
import { type AmfValue, amfEcmaArray } from './amf-value.ts';
import { serializeAmf0 } from './amf0.ts';
import { audioConfigTagBody } from './audio-tag.ts';
import { TAG_TYPE } from './tag.ts';
import type { TagEvent } from './tag-reader.ts';
import { MAX_METADATA_BYTES, TagReader } from './tag-reader.ts';
import { videoConfigTagBody } from './video-tag.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const VIDEO = h264Track([hex('6742c00dda0507faac0440000003004000000c83c50aa8')], [hex('68ce0fc8')]);
const AUDIO = aacTrack(hex('1210'));
const METADATA = serializeAmf0('onMetaData', amfEcmaArray({ width: 318 }));
const FRAME = hex('27 01 000028 00000001 41');

function read(reader: TagReader, type: number, timestamp: number, body: Buffer): TagEvent[] {
  const events: TagEvent[] = [];
  reader.read(type, timestamp, body, events);
  return events;
}

describe('TagReader', () => {
  it('gathers the tracks and says each change once', () => {
    const reader = new TagReader();
    const first = { ...NO_TRACKS, metadata: METADATA };
    assert.deepEqual(read(reader, TAG_TYPE.script, 0, METADATA), [{ kind: 'tracks', tracks: first }]);
    const second = { ...first, video: VIDEO };
    assert.deepEqual(read(reader, TAG_TYPE.video, 0, videoConfigTagBody(VIDEO)), [{ kind: 'tracks', tracks: second }]);
    const third = { ...second, audio: AUDIO };
    assert.deepEqual(read(reader, TAG_TYPE.audio, 0, audioConfigTagBody(AUDIO)), [{ kind: 'tracks', tracks: third }]);
    assert.deepEqual(read(reader, TAG_TYPE.script, 0, METADATA), []);
    assert.deepEqual(read(reader, TAG_TYPE.video, 0, videoConfigTagBody(VIDEO)), []);
    assert.deepEqual(read(reader, TAG_TYPE.audio, 0, audioConfigTagBody(AUDIO)), []);
    const changed = h264Track(VIDEO.sps, [hex('68ce0fc9')]);
    const fourth = { ...third, video: changed };
    assert.deepEqual(read(reader, TAG_TYPE.video, 0, videoConfigTagBody(changed)), [
      { kind: 'tracks', tracks: fourth },
    ]);
  });

  it('tells the bit rate that metadata declare, until others come', () => {
    const reader = new TagReader();
    const declared = (properties: Record<string, AmfValue>): number | undefined => {
      const body = serializeAmf0('onMetaData', amfEcmaArray(properties));
      const [event] = read(reader, TAG_TYPE.script, 0, body);
      assert.ok(event?.kind === 'tracks');
      assert.deepEqual(event.tracks.metadata, body);
      return event.tracks.declaredKbits;
    };
    assert.equal(declared({ videocodecid: 7, videodatarate: 2500, audiocodecid: 10, audiodatarate: 160.5 }), 2660.5);
    assert.equal(declared({ width: 1 }), undefined);
    assert.equal(declared({ videodatarate: 8 }), 8);
    assert.equal(declared({ audiocodecid: 10, audiodatarate: 64 }), 64);
    // nothing is said of what is most of it
    assert.equal(declared({ videocodecid: 7, audiodatarate: 128 }), undefined);
    assert.equal(declared({ hasVideo: true, audiodatarate: 128, x: 1 }), undefined);
    for (const nonsense of [0, 7.9, -2500, Number.NaN, '2500', null]) {
      assert.equal(declared({ videocodecid: 'avc1', videodatarate: nonsense, audiodatarate: 128 }), undefined);
    }
    read(reader, TAG_TYPE.script, 0, serializeAmf0('onMetaData', amfEcmaArray({ videodatarate: 100 })));
    const [changed] = read(reader, TAG_TYPE.video, 0, videoConfigTagBody(VIDEO));
    assert.ok(changed?.kind === 'tracks' && changed.tracks.declaredKbits === 100);
  });

  it('puts the track of plain audio before its first frame', () => {
    const track = { kind: 'audio', codec: 'PCMA', sampleRate: 8000, channels: 1 } as const;
    const frame = { kind: 'audio', codec: 'PCMA', dts: 7, pts: 7, data: hex('d5') } as const;
    assert.deepEqual(read(new TagReader(), TAG_TYPE.audio, 7, hex('72d5')), [
      { kind: 'tracks', tracks: { ...NO_TRACKS, audio: track } },
      { kind: 'frame', frame },
    ]);
  });

  it('follows time over the wrap of 32 bits, forward and back', () => {
    const reader = new TagReader();
    read(reader, TAG_TYPE.video, 0xffffff00, videoConfigTagBody(VIDEO));
    const times = [0xffffff00, 0xfffffff0, 0x10, 0xfffffff8, 0x20, 0x7fffffff, 0xfffffffe, 5].map((timestamp) => {
      const [event] = read(reader, TAG_TYPE.video, timestamp, FRAME);
      assert.ok(event?.kind === 'frame');
      assert.equal(event.frame.pts, event.frame.dts + 40);
      return event.frame.dts;
    });
    const wrap = 2 ** 32;
    const expected = [wrap - 256, wrap - 16, wrap + 16, wrap - 8, wrap + 32];
    assert.deepEqual(times, [...expected, wrap + 0x7fffffff, wrap + 0xfffffffe, 2 * wrap + 5]);
  });

  it('passes other script data on as data frames', () => {
    const body = serializeAmf0('onCuePoint', amfEcmaArray({ name: 'x' }));
    assert.deepEqual(read(new TagReader(), TAG_TYPE.script, 9, body), [
      { kind: 'frame', frame: { kind: 'data', dts: 9, pts: 9, data: body } },
    ]);
  });

  it('leaves out what is corrupt or unknown and goes on', () => {
    const reader = new TagReader();
    const kind = (type: number, body: Buffer): string | undefined => read(reader, type, 0, body)[0]?.kind;
    assert.equal(kind(TAG_TYPE.script, METADATA.subarray(0, -1)), 'corrupt');
    assert.equal(kind(TAG_TYPE.script, Buffer.alloc(0)), 'corrupt');
    assert.equal(kind(TAG_TYPE.script, hex('05')), 'corrupt');
    assert.equal(kind(TAG_TYPE.script, Buffer.concat([METADATA, Buffer.alloc(MAX_METADATA_BYTES, 5)])), 'corrupt');
    assert.equal(kind(TAG_TYPE.video, hex('17 00 000000 02')), 'corrupt');
    assert.equal(kind(TAG_TYPE.video, hex('90 61763031')), 'unsupported');
    assert.equal(kind(TAG_TYPE.video, hex('17 02 000000')), 'end-of-sequence');
    assert.equal(kind(22, METADATA), 'ignored');
    // nothing of it has stayed
    assert.deepEqual(read(reader, TAG_TYPE.video, 0, videoConfigTagBody(VIDEO)), [
      { kind: 'tracks', tracks: { ...NO_TRACKS, video: VIDEO } },
    ]);
  });
});
