export type { AacExtension, AdtsHeader, AudioSpecificConfig } from './aac.ts';
export {
  ADTS_HEADER_BYTES,
  aacTrack,
  adtsHeader,
  parseAdtsHeader,
  parseAudioSpecificConfig,
  serializeAudioSpecificConfig,
} from './aac.ts';
export type { AvcSps } from './avc.ts';
export { h264Track, parseAvcConfig, serializeAvcConfig } from './avc.ts';
export { BitReader } from './bits.ts';
export { ByteQueue } from './byte-queue.ts';
export { CodecError, ExcessError } from './codec-error.ts';
export { MIN_DECLARED_KBITS } from './declared-rate.ts';
export type { AudioCodec, AudioFrame, DataFrame, Frame, VideoCodec, VideoFrame } from './frame.ts';
export { FRAME_OVERHEAD_BYTES } from './frame.ts';
export type { HevcSps } from './hevc.ts';
export { h265Track, parseHevcConfig, serializeHevcConfig } from './hevc.ts';
export type { MpegAudioHeader } from './mp3.ts';
export { parseMpegAudioHeader } from './mp3.ts';
export {
  annexBToNalUnits,
  checkNalUnits,
  H264_NAL,
  H265_NAL,
  h264NalType,
  h265NalType,
  isH264Idr,
  isH265Irap,
  joinNalUnits,
  MAX_NAL_UNITS,
  NAL_LENGTH_SIZE,
  splitNalUnits,
  widenNalLengths,
} from './nal.ts';
export { opusPacketChannels, opusPacketDuration, opusTrack, parseOpusHead, serializeOpusHead } from './opus.ts';
export type { Muxer, OutputFormat } from './output-format.ts';
export { NO_BYTES } from './output-format.ts';
export { ParameterSets } from './parameter-sets.ts';
export { reorderDepth } from './reorder-depth.ts';
export { sameTrack } from './same-track.ts';
export { spsProblem } from './sps-problem.ts';
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
