/** Test helper: tracks and frames made by hand, small enough to be looked at. */
import type { AacTrack, H264Track, H265Track, Tracks } from '../../media/index.ts';
import { type AudioFrame, aacTrack, joinNalUnits, opusTrack, type VideoFrame } from '../../media/index.ts';

export const SPS: Buffer = Buffer.from('6742c01ed90280bfe5c05a808080a0000003002000000651e2c5d4', 'hex');
export const PPS: Buffer = Buffer.from('68cb83cb20', 'hex');
export const H264: H264Track = { kind: 'video', codec: 'H264', sps: [SPS], pps: [PPS], width: 640, height: 360 };
export const H265: H265Track = {
  kind: 'video',
  codec: 'H265',
  vps: [Buffer.from('40010c01', 'hex')],
  sps: [Buffer.from('42010101', 'hex')],
  pps: [Buffer.from('4401c172', 'hex')],
  width: 0,
  height: 0,
};
/** AAC LC, 44100 Hz, stereo. */
export const AAC: AacTrack = aacTrack(Buffer.from('1210', 'hex'));
export const AV: Tracks = { video: H264, audio: AAC, metadata: null };
export const VIDEO_ONLY: Tracks = { video: H264, audio: null, metadata: null };
export const AUDIO_ONLY: Tracks = { video: null, audio: AAC, metadata: null };
export const OPUS_ONLY: Tracks = { video: null, audio: opusTrack(2), metadata: null };

/** A slice of `size` bytes in all, without any start code in it. */
export function slice(key: boolean, size = 40): Buffer {
  const unit = Buffer.alloc(size, 0xab);
  unit[0] = key ? 0x65 : 0x41;
  return unit;
}

export function video(
  dts: number,
  key = false,
  units: readonly Buffer[] = [slice(key)],
  pts: number = dts,
): VideoFrame {
  return { kind: 'video', codec: 'H264', dts, pts, key, data: joinNalUnits(units) };
}

export function aac(dts: number, size = 20): AudioFrame {
  return { kind: 'audio', codec: 'AAC', dts, pts: dts, data: Buffer.alloc(size, 0x21) };
}

/** Opus of one CELT frame of 20 ms. */
export function opus(dts: number, size = 30): AudioFrame {
  const data = Buffer.alloc(size, 0x11);
  data[0] = 0xfc;
  return { kind: 'audio', codec: 'OPUS', dts, pts: dts, data };
}
