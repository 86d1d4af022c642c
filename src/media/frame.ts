/** What flows through the house: one access unit of video, one frame of audio, or one piece of script data. */

export type VideoCodec = 'H264' | 'H265';
export type AudioCodec = 'AAC' | 'MP3' | 'PCMA' | 'PCMU' | 'OPUS';

/** One access unit. Times are milliseconds on the stream's own timeline and may be fractional. */
export interface VideoFrame {
  readonly kind: 'video';
  readonly codec: VideoCodec;
  readonly dts: number;
  readonly pts: number;
  /** An access unit at which a decoder can start (IDR, or IRAP for H265). */
  readonly key: boolean;
  /** NAL units, each behind its 4-byte big-endian length, as in FLV and MP4. Parameter sets live in the Track. */
  readonly data: Buffer;
}

/** One coded audio frame: a raw AAC access unit (no ADTS), one MP3 frame, one Opus packet, or G711 samples. */
export interface AudioFrame {
  readonly kind: 'audio';
  readonly codec: AudioCodec;
  readonly dts: number;
  readonly pts: number;
  readonly data: Buffer;
}

/** Script data other than onMetaData (cue points, text): the AMF0 values of an FLV script tag's body, name first. */
export interface DataFrame {
  readonly kind: 'data';
  readonly dts: number;
  readonly pts: number;
  readonly data: Buffer;
}

export type Frame = VideoFrame | AudioFrame | DataFrame;

/** What a frame that is kept takes of the memory beside its data, which may be a byte: counted wherever kept frames are bounded. */
export const FRAME_OVERHEAD_BYTES = 256;
