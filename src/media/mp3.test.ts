/** MPEG audio frame headers. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CodecError } from './codec-error.ts';
import { parseMpegAudioHeader } from './mp3.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

describe('MPEG audio header', () => {
  const cases = [
    ['fffb9064', { layer: 3, sampleRate: 44100, channels: 2, samples: 1152 }],
    ['fffb94c4', { layer: 3, sampleRate: 48000, channels: 1, samples: 1152 }],
    ['fff35064', { layer: 3, sampleRate: 22050, channels: 2, samples: 576 }],
    ['ffe338c4', { layer: 3, sampleRate: 8000, channels: 1, samples: 576 }],
    ['fffd9464', { layer: 2, sampleRate: 48000, channels: 2, samples: 1152 }],
    ['ffff9464', { layer: 1, sampleRate: 48000, channels: 2, samples: 384 }],
  ] as const;
  for (const [bytes, expected] of cases) {
    it(`reads ${bytes}`, () => {
      const durationMs = (expected.samples * 1000) / expected.sampleRate;
      assert.deepEqual(parseMpegAudioHeader(hex(bytes)), { ...expected, durationMs });
    });
  }

  it('refuses what is cut, reserved, or no header', () => {
    for (const bytes of ['', 'fffb90', '49443303', 'ffeb9064', 'fff99064', 'fffb9c64']) {
      assert.throws(() => parseMpegAudioHeader(hex(bytes)), CodecError, bytes);
    }
  });
});
