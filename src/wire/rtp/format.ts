/** The output format of RTP players: one for each pair of interleaved channels. */
import { randomBytes } from 'node:crypto';
import { NO_BYTES, type OutputFormat } from '../../media/index.ts';
import { type RtpClock, type RtpLayout, RtpMuxer } from './muxer.ts';
import type { TrackStart } from './out-track.ts';

const VIDEO: ReadonlySet<string> = new Set(['H264', 'H265']);
const AUDIO: ReadonlySet<string> = new Set(['AAC', 'OPUS', 'PCMA', 'PCMU', 'MP3']);

/** Frames as RTSP-interleaved RTP packets with sender reports among them; the same bytes, taken apart, serve UDP. */
export function rtpFormat(layout: RtpLayout, clock: RtpClock): OutputFormat {
  return {
    name: `rtp-${layout.video ?? 'none'}-${layout.audio ?? 'none'}`,
    preamble: () => NO_BYTES,
    createMuxer: (tracks) => {
      const cname = randomBytes(12).toString('base64');
      return new RtpMuxer(layout, tracks, clock, { cname, video: randomStart(), audio: randomStart() });
    },
    carries: (codec) => (layout.video !== null && VIDEO.has(codec)) || (layout.audio !== null && AUDIO.has(codec)),
  };
}

function randomStart(): TrackStart {
  const bytes = randomBytes(10);
  return { ssrc: bytes.readUInt32BE(0), timestamp: bytes.readUInt32BE(4), sequence: bytes.readUInt16BE(8) };
}
