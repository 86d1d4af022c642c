export type { Amf0Reason, AmfDate, AmfEcmaArray, AmfObject, AmfReference, AmfValue, AmfXml } from './amf-value.ts';
export { Amf0Error, amfEcmaArray, amfObject, amfProperty, MAX_AMF0_DEPTH, MAX_AMF0_VALUES } from './amf-value.ts';
export type { Amf3Hook } from './amf0.ts';
export { Amf0Reader, parseAmf0, serializeAmf0 } from './amf0.ts';
export type { AudioTag } from './audio-tag.ts';
export { AudioTagParser, audioConfigTagBody, audioTagBody, audioTagPrefix, audioTagPrefixSize } from './audio-tag.ts';
export type { FlvEvent } from './demuxer.ts';
export { FlvDemuxer } from './demuxer.ts';
export { buildMetadata, parseMetadata } from './metadata.ts';
export { createFlvFormat, flvFormat } from './muxer.ts';
export type { TagBody } from './opening.ts';
export { Opening } from './opening.ts';
export type { TagType } from './tag.ts';
export { FlvError, TAG_TYPE, writeTag } from './tag.ts';
export type { TagEvent, TagEvents } from './tag-reader.ts';
export { TagReader } from './tag-reader.ts';
export type { HevcTagging, VideoTag } from './video-tag.ts';
export {
  VideoTagParser,
  videoConfigTagBody,
  videoTagBody,
  videoTagPrefix,
  videoTagPrefixSize,
} from './video-tag.ts';
