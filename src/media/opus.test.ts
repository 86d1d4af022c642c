/** Opus: durations by TOC, the identification header. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CodecError } from './codec-error.ts';
import { opusPacketChannels, opusPacketDuration, opusTrack, parseOpusHead, serializeOpusHead } from './opus.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('Opus', () => {
  it('knows the frame duration of all 32 configurations (RFC 6716 table 2)', () => {
    const silk = [10, 20, 40, 60];
    const celt = [2.5, 5, 10, 20];
    const expected = [...silk, ...silk, ...silk, 10, 20, 10, 20, ...celt, ...celt, ...celt, ...celt];
    for (const [config, duration] of expected.entries()) {
      assert.equal(opusPacketDuration(Buffer.from([config << 3])), duration);
      assert.equal(opusPacketDuration(Buffer.from([(config << 3) | 1])), duration * 2);
      assert.equal(opusPacketDuration(Buffer.from([(config << 3) | 2])), duration * 2);
    }
  });

  it('counts the frames of code 3 and bounds the whole', () => {
    assert.equal(opusPacketDuration(hex('fb 83')), 60);
    assert.equal(opusPacketDuration(hex('fb 46')), 120);
    assert.throws(() => opusPacketDuration(hex('fb 07')), { name: 'CodecError', value: 140, limit: 120 });
    assert.throws(() => opusPacketDuration(hex('fb')), CodecError);
    assert.throws(() => opusPacketDuration(hex('fb 00')), CodecError);
    assert.throws(() => opusPacketDuration(Buffer.alloc(0)), CodecError);
    assert.deepEqual([opusPacketChannels(hex('f8')), opusPacketChannels(hex('fc'))], [1, 2]);
  });

  it('writes and reads headers of 1 to 8 channels', () => {
    const stereo = hex('4f70757348656164 01 02 3801 80bb0000 0000 00');
    assert.deepEqual(serializeOpusHead(opusTrack(2)), stereo);
    for (let channels = 1; channels <= 8; channels++) {
      const head = serializeOpusHead(opusTrack(channels));
      assert.equal(head.length, channels > 2 ? 21 + channels : 19);
      assert.deepEqual(parseOpusHead(head), opusTrack(channels));
    }
    assert.throws(() => serializeOpusHead(opusTrack(9)), { name: 'CodecError', value: 9, limit: 8 });
  });

  it('refuses other headers with a CodecError, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        assert.throws(() => parseOpusHead(Buffer.from(bytes)), CodecError);
        const head = serializeOpusHead(opusTrack(2));
        assert.throws(() => parseOpusHead(head.subarray(0, Math.min(18, bytes.length))), CodecError);
      }),
    );
  });
});
