/** Frames to FLV: the OutputFormat of HTTP-FLV and of recordings. */
import type { AudioFrame, Frame, Muxer, OutputFormat, Tracks, VideoFrame } from '../../media/index.ts';
import { NO_BYTES } from '../../media/index.ts';
import { audioTagPrefix, audioTagPrefixSize } from './audio-tag.ts';
import { declaredKinds } from './metadata.ts';
import type { TagBody } from './opening.ts';
import { Opening, openingTime } from './opening.ts';
import type { TagType } from './tag.ts';
import {
  FLV_HAS_AUDIO,
  FLV_HAS_VIDEO,
  MAX_TAG_BODY_BYTES,
  PREVIOUS_TAG_SIZE_BYTES,
  serializeFlvHeader,
  TAG_HEADER_BYTES,
  TAG_TYPE,
  writePreviousTagSize,
  writeTag,
  writeTagHeader,
} from './tag.ts';
import type { HevcTagging } from './video-tag.ts';
import { videoTagPrefix, videoTagPrefixSize } from './video-tag.ts';

const CARRIED: ReadonlySet<string> = new Set(['H264', 'H265', 'AAC', 'MP3', 'PCMA', 'PCMU', 'OPUS']);

/** FLV with H265 tagged in this way. */
export function createFlvFormat(hevc: HevcTagging): OutputFormat {
  return {
    name: 'flv',
    preamble: (tracks) => serializeFlvHeader(headerFlags(tracks)),
    createMuxer: (tracks) => new FlvMuxer(tracks, hevc),
    carries: (codec) => CARRIED.has(codec),
  };
}

export const flvFormat: OutputFormat = createFlvFormat('codec-id-12');

/** What is there or promised; both where nothing is known, since a player may leave out what is not flagged. */
function headerFlags(tracks: Tracks): number {
  const declared = tracks.metadata === null ? null : declaredKinds(tracks.metadata);
  const video = tracks.video !== null || declared?.video === true;
  const audio = tracks.audio !== null || declared?.audio === true;
  const flags = (video ? FLV_HAS_VIDEO : 0) | (audio ? FLV_HAS_AUDIO : 0);
  return flags === 0 ? FLV_HAS_VIDEO | FLV_HAS_AUDIO : flags;
}

class FlvMuxer implements Muxer {
  readonly #hevc: HevcTagging;
  readonly #opening: Opening;
  /** Of the last frame written, ms. */
  #time = 0;

  constructor(tracks: Tracks, hevc: HevcTagging) {
    this.#hevc = hevc;
    this.#opening = new Opening(tracks, hevc);
  }

  header(): Buffer {
    return this.#tags(this.#opening.bodies);
  }

  setTracks(tracks: Tracks): Buffer {
    return this.#tags(this.#opening.setTracks(tracks));
  }

  /** Empty for a frame of more than 16 MiB, which no tag can hold. */
  write(frame: Frame): Buffer {
    const bytes = this.#write(frame);
    if (bytes.length > 0) this.#time = frame.dts;
    return bytes;
  }

  #write(frame: Frame): Buffer {
    if (frame.kind === 'video') return this.#writeVideo(frame);
    if (frame.kind === 'audio') return this.#writeAudio(frame);
    return frame.data.length > MAX_TAG_BODY_BYTES ? NO_BYTES : writeTag(TAG_TYPE.script, frame.dts, frame.data);
  }

  #writeVideo(frame: VideoFrame): Buffer {
    const length = videoTagPrefixSize(frame.codec, this.#hevc) + frame.data.length;
    if (length > MAX_TAG_BODY_BYTES) return NO_BYTES;
    const tag = allocateTag(TAG_TYPE.video, length, frame.dts);
    const prefix = videoTagPrefix(frame, tag, TAG_HEADER_BYTES, this.#hevc);
    frame.data.copy(tag, TAG_HEADER_BYTES + prefix);
    return tag;
  }

  #writeAudio(frame: AudioFrame): Buffer {
    const length = audioTagPrefixSize(frame.codec) + frame.data.length;
    if (length > MAX_TAG_BODY_BYTES) return NO_BYTES;
    const tag = allocateTag(TAG_TYPE.audio, length, frame.dts);
    const prefix = audioTagPrefix(frame, this.#opening.tracks.audio, tag, TAG_HEADER_BYTES);
    frame.data.copy(tag, TAG_HEADER_BYTES + prefix);
    return tag;
  }

  #tags(bodies: readonly TagBody[]): Buffer {
    if (bodies.length === 0) return NO_BYTES;
    return Buffer.concat(bodies.map(({ type, body }) => writeTag(type, openingTime(type, this.#time), body)));
  }
}

/** A tag of exactly this size, all written but its body. */
function allocateTag(type: TagType, bodyLength: number, timestampMs: number): Buffer {
  const tag = Buffer.allocUnsafe(TAG_HEADER_BYTES + bodyLength + PREVIOUS_TAG_SIZE_BYTES);
  writeTagHeader(tag, 0, type, bodyLength, timestampMs);
  writePreviousTagSize(tag, TAG_HEADER_BYTES + bodyLength, bodyLength);
  return tag;
}
