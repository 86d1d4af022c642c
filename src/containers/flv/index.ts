export type { Amf0Reason, AmfDate, AmfEcmaArray, AmfObject, AmfReference, AmfValue, AmfXml } from './amf-value.ts';
export { Amf0Error, amfEcmaArray, amfObject, amfProperty } from './amf-value.ts';
export type { Amf3Hook } from './amf0.ts';
export { parseAmf0, serializeAmf0 } from './amf0.ts';
export type { AudioTag } from './audio-tag.ts';
export { audioConfigTagBody, audioTagPrefix, audioTagPrefixSize } from './audio-tag.ts';
export type { FlvEvent } from './demuxer.ts';
export { buildMetadata } from './metadata.ts';
export { flvFormat } from './muxer.ts';
export type { TagBody } from './opening.ts';
export { Opening, openingTime } from './opening.ts';
export type { TagType } from './tag.ts';
export { TAG_TYPE } from './tag.ts';
export type { TagEvent, TagEvents } from './tag-reader.ts';
export { TagReader } from './tag-reader.ts';
export type { HevcTagging, VideoTag } from './video-tag.ts';
export {
  videoConfigTagBody,
  videoTagPrefix,
  videoTagPrefixSize,
} from './video-tag.ts';
