/** Test helper: video payloads through a `VideoReader`, and what comes out in words. */
import { type Frame, splitNalUnits, type Track } from '../../media/index.ts';
import type { RtpMedia } from './media.ts';
import { VideoReader } from './video-reader.ts';

export const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

export const SPS = '6742c00dda0507faac0440000003004000000c83c50aa8';
export const PPS = '68ce0fc8';
export const base64 = (text: string): string => hex(text).toString('base64');
export const H264: RtpMedia = {
  kind: 'video',
  codec: 'H264',
  encoding: 'H264',
  payloadType: 96,
  clockRate: 90_000,
  channels: 1,
  fmtp: { 'sprop-parameter-sets': `${base64(SPS)},${base64(PPS)}` },
};
export const H264_IN_BAND: RtpMedia = { ...H264, fmtp: {} };
export const VPS5 = '40010c01';
export const SPS5 = '42010101600000030090000003000003003ca00a080f16592a4932bc05a02000000300200000030321';
export const PPS5 = '4401c172';
export const H265: RtpMedia = {
  ...H264,
  codec: 'H265',
  encoding: 'H265',
  fmtp: { 'sprop-vps': base64(VPS5), 'sprop-sps': base64(SPS5), 'sprop-pps': base64(PPS5) },
};
export const H265_DON: RtpMedia = { ...H265, fmtp: { ...H265.fmtp, 'sprop-max-don-diff': '2' } };

/** A packet: its payload, `t` the timestamp in units of 40 ms (default: as before), `m` the marker, `lost` packets before it. */
export interface Step {
  readonly p: string | Buffer;
  readonly t?: number;
  readonly m?: boolean;
  readonly lost?: number;
  readonly restarted?: boolean;
}

export interface Result {
  /** Each: `K` for key frames, the time in units of 40 ms, and the NAL units. */
  readonly frames: string[];
  readonly all: readonly Frame[];
  readonly tracks: readonly Track[];
  readonly problems: readonly string[];
  readonly excesses: readonly string[];
  readonly dropped: number;
}

export function read(media: RtpMedia, steps: readonly Step[]): Result {
  const all: Frame[] = [];
  const tracks: Track[] = [];
  const problems: string[] = [];
  const excesses: string[] = [];
  let dropped = 0;
  const sink = {
    track: (track: Track) => void tracks.push(track),
    frame: (frame: Frame) => void all.push(frame),
    problem: (message: string) => void problems.push(message),
    excess: (message: string) => void excesses.push(message),
    dropped: () => void dropped++,
  };
  const reader = new VideoReader(media, sink, (timestamp) => timestamp / 90);
  let time = 0;
  for (const [sequence, { p, t, m, lost, restarted }] of steps.entries()) {
    time = t ?? time;
    const payload = typeof p === 'string' ? hex(p) : p;
    const packet = { marker: m ?? false, payloadType: 96, sequence, timestamp: time * 3600, ssrc: 1, payload };
    reader.push({ packet, lost: lost ?? 0, restarted: restarted ?? false });
  }
  const frames = all.map((frame) => {
    const units = splitNalUnits(frame.data).map((unit) => unit.toString('hex'));
    return `${frame.kind === 'video' && frame.key ? 'K' : ''}${frame.pts / 40} ${units.join(' ')}`;
  });
  return { frames, all, tracks, problems, excesses, dropped };
}
