/** Frames to FLV: the OutputFormat of HTTP-FLV and of recordings. */
import type { OutputFormat, Tracks } from '../../media/index.ts';
import { NO_BYTES } from '../../media/index.ts';
import { declaredKinds } from './metadata.ts';
import { FLV_HAS_AUDIO, FLV_HAS_VIDEO, MAX_TAG_BODY_BYTES, serializeFlvHeader, writeTag } from './tag.ts';
import { type FrameTag, TAG_CODECS, TagMuxer } from './tag-muxer.ts';
import type { HevcTagging } from './video-tag.ts';

/** FLV, by how H265 is tagged in it. */
export const flvFormats: Readonly<Record<HevcTagging, OutputFormat>> = {
  'codec-id-12': flvFormat('flv', 'codec-id-12'),
  enhanced: flvFormat('flv-enhanced', 'enhanced'),
};

function flvFormat(name: string, hevc: HevcTagging): OutputFormat {
  return {
    name,
    preamble: (tracks) => serializeFlvHeader(headerFlags(tracks)),
    createMuxer: (tracks) => new TagMuxer(tracks, hevc, frameTag),
    carries: (codec) => TAG_CODECS.has(codec),
  };
}

function frameTag(...[type, timestampMs, prefix, payload]: Parameters<FrameTag>): Buffer {
  return prefix.length + payload.length > MAX_TAG_BODY_BYTES ? NO_BYTES : writeTag(type, timestampMs, prefix, payload);
}

/** What is there or promised; both where nothing is known, since a player may leave out what is not flagged. */
function headerFlags(tracks: Tracks): number {
  const declared = tracks.metadata === null ? null : declaredKinds(tracks.metadata);
  const video = tracks.video !== null || declared?.video === true;
  const audio = tracks.audio !== null || declared?.audio === true;
  const flags = (video ? FLV_HAS_VIDEO : 0) | (audio ? FLV_HAS_AUDIO : 0);
  return flags === 0 ? FLV_HAS_VIDEO | FLV_HAS_AUDIO : flags;
}
