/** Tracks are compared by content. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aacTrack } from './aac.ts';
import { h264Track } from './avc.ts';
import { h265Track } from './hevc.ts';
import { opusTrack } from './opus.ts';
import { sameTrack } from './same-track.ts';
import type { Track } from './track.ts';

const bytes = (...values: number[]): Buffer => Buffer.from(values);

describe('sameTrack', () => {
  it('tells every track from every other, and none from its copy', () => {
    const make = (): (Track | null)[] => [
      null,
      h264Track([bytes(1)], [bytes(2)]),
      h264Track([bytes(1)], [bytes(3)]),
      h264Track([bytes(1)], [bytes(2), bytes(2)]),
      h265Track([bytes(1)], [bytes(2)], [bytes(3)]),
      h265Track([bytes(4)], [bytes(2)], [bytes(3)]),
      aacTrack(bytes(0x12, 0x10)),
      aacTrack(bytes(0x11, 0x90)),
      opusTrack(1),
      opusTrack(2),
      { kind: 'audio', codec: 'MP3', sampleRate: 44100, channels: 2 },
      { kind: 'audio', codec: 'MP3', sampleRate: 48000, channels: 2 },
      { kind: 'audio', codec: 'PCMA', sampleRate: 8000, channels: 1 },
      { kind: 'audio', codec: 'PCMU', sampleRate: 8000, channels: 1 },
    ];
    const ones = make();
    for (const [i, one] of ones.entries()) {
      for (const [j, other] of make().entries()) assert.equal(sameTrack(one, other), i === j, `${i} and ${j}`);
    }
  });
});
