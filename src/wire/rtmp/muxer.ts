/** Frames to RTMP messages in chunks: the OutputFormat of RTMP players. */
import { type FrameTag, type HevcTagging, TAG_CODECS, TAG_TYPE, TagMuxer } from '../../containers/flv/index.ts';
import type { OutputFormat } from '../../media/index.ts';
import { NO_BYTES } from '../../media/index.ts';
import { CSID_AUDIO, CSID_DATA, CSID_VIDEO, chunkMessage } from './chunk-writer.ts';
import { SET_DATA_FRAME } from './messages/data.ts';

/** The chunk size that every player is told before the first frame, so that all can be sent the same bytes. */
export const OUT_CHUNK_SIZE = 4096;
/** The one message stream that createStream gives, for the same reason. */
export const MEDIA_STREAM_ID = 1;

/** The 24-bit length field of a message. */
const MAX_BODY_BYTES = 0xffffff;
/** By how H265 is tagged. A type 0 header for each message, so that a player can be let in or skipped at any. */
export const rtmpFormats: Readonly<Record<HevcTagging, OutputFormat>> = {
  'codec-id-12': messageFormat('rtmp', 'codec-id-12', MEDIA_STREAM_ID, NO_BYTES),
  enhanced: messageFormat('rtmp-enhanced', 'enhanced', MEDIA_STREAM_ID, NO_BYTES),
};

/** What is sent to another server on the message stream that it gave: metadata is what it is to keep for its players. */
export function rtmpPublishFormat(streamId: number, hevc: HevcTagging): OutputFormat {
  return messageFormat(`rtmp-publish-${streamId}`, hevc, streamId, SET_DATA_FRAME);
}

function messageFormat(name: string, hevc: HevcTagging, streamId: number, beforeData: Buffer): OutputFormat {
  const frame = frameMessage(streamId, beforeData);
  return {
    name,
    preamble: () => NO_BYTES,
    createMuxer: (tracks) => new TagMuxer(tracks, hevc, frame),
    carries: (codec) => TAG_CODECS.has(codec),
  };
}

/** An FLV tag's type is the type of the RTMP message with the same body. */
function frameMessage(streamId: number, beforeData: Buffer): FrameTag {
  return (type, timestampMs, tagPrefix, payload) => {
    // script data have no prefix of their own
    const prefix = type === TAG_TYPE.script ? beforeData : tagPrefix;
    if (prefix.length + payload.length > MAX_BODY_BYTES) return NO_BYTES;
    const csid = type === TAG_TYPE.video ? CSID_VIDEO : type === TAG_TYPE.audio ? CSID_AUDIO : CSID_DATA;
    return chunkMessage(csid, type, streamId, Math.round(timestampMs), prefix, payload, OUT_CHUNK_SIZE);
  };
}
