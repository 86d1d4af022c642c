export type { AudioCodec, AudioFrame, DataFrame, Frame, VideoCodec, VideoFrame } from './frame.ts';
export type { Muxer, OutputFormat } from './output-format.ts';
export { NO_BYTES } from './output-format.ts';
export type {
  AacTrack,
  AudioTrack,
  Codec,
  H264Track,
  H265Track,
  OpusTrack,
  PlainAudioTrack,
  Track,
  Tracks,
  VideoTrack,
} from './track.ts';
export { NO_TRACKS } from './track.ts';
