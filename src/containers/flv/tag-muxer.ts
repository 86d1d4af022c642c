/** Frames to FLV tags and to RTMP messages, which have the same bodies: all of a muxer but the framing. */
import type { AudioFrame, Frame, Muxer, Tracks, VideoFrame } from '../../media/index.ts';
import { NO_BYTES } from '../../media/index.ts';
import { audioTagPrefix, audioTagPrefixSize } from './audio-tag.ts';
import { Opening, type TagBody } from './opening.ts';
import { TAG_TYPE, type TagType } from './tag.ts';
import type { HevcTagging } from './video-tag.ts';
import { videoTagPrefix, videoTagPrefixSize } from './video-tag.ts';

/** What tags and messages can carry. */
export const TAG_CODECS: ReadonlySet<string> = new Set(['H264', 'H265', 'AAC', 'MP3', 'PCMA', 'PCMU', 'OPUS']);

/**
 * The framing around a body of `prefix` and `payload`; empty where the body is longer than it can say.
 * @param timestampMs may be fractional
 */
export type FrameTag = (type: TagType, timestampMs: number, prefix: Buffer, payload: Buffer) => Buffer;

/** The longest that stands before a frame's data in a body. */
const MAX_PREFIX_BYTES = 8;

export class TagMuxer implements Muxer {
  readonly #hevc: HevcTagging;
  readonly #frameTag: FrameTag;
  readonly #opening: Opening;
  /** Room for each length of prefix, used again for every frame. */
  readonly #prefixes = Array.from({ length: MAX_PREFIX_BYTES + 1 }, (_, size) => Buffer.alloc(size));
  /** Of the last frame written, ms. */
  #time = 0;

  constructor(tracks: Tracks, hevc: HevcTagging, frameTag: FrameTag) {
    this.#hevc = hevc;
    this.#frameTag = frameTag;
    this.#opening = new Opening(tracks, hevc);
  }

  header(): Buffer {
    return this.#open(this.#opening.bodies);
  }

  setTracks(tracks: Tracks): Buffer {
    return this.#open(this.#opening.setTracks(tracks));
  }

  /** Empty for a frame of more than 16 MiB, which neither a tag nor a message can hold. */
  write(frame: Frame): Buffer {
    const bytes = this.#frameTag(
      TAG_TYPE[frame.kind === 'data' ? 'script' : frame.kind],
      frame.dts,
      this.#prefix(frame),
      frame.data,
    );
    if (bytes.length > 0) this.#time = frame.dts;
    return bytes;
  }

  #prefix(frame: Frame): Buffer {
    if (frame.kind === 'video') return this.#videoPrefix(frame);
    return frame.kind === 'audio' ? this.#audioPrefix(frame) : NO_BYTES;
  }

  #videoPrefix(frame: VideoFrame): Buffer {
    const prefix = this.#room(videoTagPrefixSize(frame.codec, this.#hevc));
    videoTagPrefix(frame, prefix, 0, this.#hevc);
    return prefix;
  }

  #audioPrefix(frame: AudioFrame): Buffer {
    const prefix = this.#room(audioTagPrefixSize(frame.codec));
    audioTagPrefix(frame, this.#opening.tracks.audio, prefix, 0);
    return prefix;
  }

  #room(size: number): Buffer {
    return this.#prefixes[size] ?? Buffer.alloc(size);
  }

  /**
   * Sequence headers at the stream's time, but metadata always at 0: ffmpeg takes onMetaData at any other time for a
   * track of text.
   */
  #open(bodies: readonly TagBody[]): Buffer {
    if (bodies.length === 0) return NO_BYTES;
    const time = (type: TagType): number => (type === TAG_TYPE.script ? 0 : this.#time);
    return Buffer.concat(bodies.map(({ type, body }) => this.#frameTag(type, time(type), NO_BYTES, body)));
  }
}
