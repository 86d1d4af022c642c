/** What the SDP of a DESCRIBE says of our tracks, and the payload types that the muxer writes. */
import { type AudioTrack, CodecError, parseAudioSpecificConfig, type Track, type Tracks } from '../../media/index.ts';
import type { RtpMedia } from './media.ts';

/** Hz, of video and of MPEG audio (RFC 2250 2). */
const VIDEO_CLOCK = 90_000;
/** Static payload types, RFC 3551 table 4; G711's are for 8000 Hz and one channel. */
const STATIC = { PCMU: 0, PCMA: 8, MP3: 14 } as const;
const G711_RATE = 8000;
/** Dynamic ones are another for each codec, so that a player is never sent one for another in mid-stream. */
const DYNAMIC = { H264: 96, AAC: 97, H265: 98, OPUS: 99, PCMU: 100, PCMA: 101 } as const;
/** AU-size is in 13 bits, AU-Index in 3 (RFC 3640 3.3.6, mode AAC-hbr). */
const AAC_HBR = { mode: 'AAC-hbr', sizelength: '13', indexlength: '3', indexdeltalength: '3' } as const;
const PROFILE_BYTES = 3;
/** RFC 7587 has mono and stereo. */
const MAX_OPUS_CHANNELS = 2;

/** Video first, then audio; payload types as the muxer writes them. Tracks that RTP cannot carry are left out. */
export function describeTracks(tracks: Tracks): RtpMedia[] {
  const media: RtpMedia[] = [];
  for (const track of [tracks.video, tracks.audio]) {
    const medium = track === null ? null : describeTrack(track);
    if (medium !== null) media.push(medium);
  }
  return media;
}

/** Null where RTP cannot carry the track: it has no clock rate, or an AudioSpecificConfig that cannot be read. */
export function describeTrack(track: Track): RtpMedia | null {
  if (track.kind === 'audio') return describeAudio(track);
  const base = { kind: 'video', clockRate: VIDEO_CLOCK, channels: 1 } as const;
  if (track.codec === 'H264') {
    const { sps, pps } = track;
    const fmtp: Record<string, string> = { 'packetization-mode': '1' };
    const profile = sps[0]?.subarray(1, 1 + PROFILE_BYTES) ?? Buffer.alloc(0);
    if (profile.length === PROFILE_BYTES) fmtp['profile-level-id'] = profile.toString('hex');
    if (sps.length > 0) fmtp['sprop-parameter-sets'] = inBase64([...sps, ...pps]);
    return { ...base, codec: 'H264', encoding: 'H264', payloadType: DYNAMIC.H264, fmtp };
  }
  const fmtp: Record<string, string> = {};
  for (const [key, units] of [
    ['sprop-vps', track.vps],
    ['sprop-sps', track.sps],
    ['sprop-pps', track.pps],
  ] as const) {
    if (units.length > 0) fmtp[key] = inBase64(units);
  }
  return { ...base, codec: 'H265', encoding: 'H265', payloadType: DYNAMIC.H265, fmtp };
}

function describeAudio(track: AudioTrack): RtpMedia | null {
  const { codec, channels, sampleRate } = track;
  const base = { kind: 'audio', clockRate: sampleRate, channels: Math.max(1, channels), fmtp: {} } as const;
  if (codec === 'AAC') {
    if (!isReadable(track.config)) return null;
    const fmtp = { streamtype: '5', 'profile-level-id': '1', ...AAC_HBR, config: track.config.toString('hex') };
    return { ...base, codec, encoding: 'MPEG4-GENERIC', payloadType: DYNAMIC.AAC, fmtp };
  }
  if (codec === 'OPUS') {
    if (channels > MAX_OPUS_CHANNELS) return null;
    // the rtpmap says 2 channels whatever there are (RFC 7587 7)
    const fmtp = { 'sprop-stereo': channels > 1 ? '1' : '0' };
    return { ...base, codec, encoding: 'OPUS', payloadType: DYNAMIC.OPUS, channels: 2, fmtp };
  }
  if (codec === 'MP3') return { ...base, codec, encoding: 'MPA', payloadType: STATIC.MP3, clockRate: VIDEO_CLOCK };
  if (sampleRate <= 0) return null;
  const isStatic = sampleRate === G711_RATE && channels <= 1;
  return { ...base, codec, encoding: codec, payloadType: (isStatic ? STATIC : DYNAMIC)[codec] };
}

function isReadable(config: Buffer): boolean {
  try {
    return parseAudioSpecificConfig(config).sampleRate > 0;
  } catch (error) {
    if (error instanceof CodecError) return false;
    throw error;
  }
}

function inBase64(units: readonly Buffer[]): string {
  return units.map((unit) => unit.toString('base64')).join(',');
}
