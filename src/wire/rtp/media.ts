/** What an SDP says of one medium of a stream, as far as RTP must know it. */
import type { AudioCodec, VideoCodec } from '../../media/index.ts';

/** The encoding name of an rtpmap (RFC 8866 6.6), in upper case. */
export type RtpEncoding = 'H264' | 'H265' | 'MPEG4-GENERIC' | 'MP4A-LATM' | 'OPUS' | 'PCMA' | 'PCMU' | 'MPA';

/** One medium of a session description. */
export interface RtpMedia {
  readonly kind: 'video' | 'audio';
  readonly codec: VideoCodec | AudioCodec;
  readonly encoding: RtpEncoding;
  /** 0 to 127. */
  readonly payloadType: number;
  /** Hz, of the RTP timestamps. */
  readonly clockRate: number;
  /** As in the rtpmap; 1 where it says nothing, and for video. */
  readonly channels: number;
  /** Format parameters; keys in lower case, values as they are written. */
  readonly fmtp: Readonly<Record<string, string>>;
  /** The bit rate that the description declares, kbit/s; absent where it declares none. */
  readonly declaredKbits?: number;
}

const ENCODINGS: ReadonlyMap<string, Pick<RtpMedia, 'kind' | 'codec' | 'encoding'>> = new Map(
  (
    [
      { kind: 'video', codec: 'H264', encoding: 'H264' },
      { kind: 'video', codec: 'H265', encoding: 'H265' },
      { kind: 'audio', codec: 'AAC', encoding: 'MPEG4-GENERIC' },
      { kind: 'audio', codec: 'AAC', encoding: 'MP4A-LATM' },
      { kind: 'audio', codec: 'OPUS', encoding: 'OPUS' },
      { kind: 'audio', codec: 'PCMA', encoding: 'PCMA' },
      { kind: 'audio', codec: 'PCMU', encoding: 'PCMU' },
      { kind: 'audio', codec: 'MP3', encoding: 'MPA' },
    ] as const
  ).map((entry) => [entry.encoding, entry]),
);

/** What an rtpmap's encoding name (any case) stands for; null where it is not known here. */
export function rtpEncoding(name: string): Pick<RtpMedia, 'kind' | 'codec' | 'encoding'> | null {
  return ENCODINGS.get(name.toUpperCase()) ?? null;
}
