/** What a decoder must know before the first frame: parameter sets and audio configuration. */
import type { AudioCodec, VideoCodec } from './frame.ts';

export interface H264Track {
  readonly kind: 'video';
  readonly codec: 'H264';
  /** NAL units without length or start code. */
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
  /** Size in pixels after cropping (ITU-T H.264 7.4.2.1.1); 0 where the SPS could not be read, or no level has such pictures. */
  readonly width: number;
  readonly height: number;
}

export interface H265Track {
  readonly kind: 'video';
  readonly codec: 'H265';
  readonly vps: readonly Buffer[];
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
  readonly width: number;
  readonly height: number;
}

export interface AacTrack {
  readonly kind: 'audio';
  readonly codec: 'AAC';
  /** AudioSpecificConfig, ISO 14496-3 1.6.2.1. */
  readonly config: Buffer;
  /** Hz. */
  readonly sampleRate: number;
  readonly channels: number;
}

export interface OpusTrack {
  readonly kind: 'audio';
  readonly codec: 'OPUS';
  readonly sampleRate: 48000;
  readonly channels: number;
}

/** Codecs whose frames say all by themselves. */
export interface PlainAudioTrack {
  readonly kind: 'audio';
  readonly codec: Exclude<AudioCodec, 'AAC' | 'OPUS'>;
  /** Hz; 8000 for G711. */
  readonly sampleRate: number;
  readonly channels: number;
}

export type VideoTrack = H264Track | H265Track;
export type AudioTrack = AacTrack | OpusTrack | PlainAudioTrack;
export type Track = VideoTrack | AudioTrack;

/** What a publication carries at this moment. */
export interface Tracks {
  readonly video: VideoTrack | null;
  readonly audio: AudioTrack | null;
  /**
   * The publisher's onMetaData: the AMF0 values of an FLV script tag's body (the string "onMetaData", then the object),
   * passed on as it came; null where the publisher sent none.
   */
  readonly metadata: Buffer | null;
  /** The bit rate that the publisher declares of all that it sends, in kbit/s of 1000 bits; absent where it declares none. */
  readonly declaredKbits?: number;
}

export const NO_TRACKS: Tracks = { video: null, audio: null, metadata: null };

/** A codec that a track or a peer may announce. */
export type Codec = VideoCodec | AudioCodec;
