/** Frames to RTMP messages in chunks: the OutputFormat of RTMP players. */
import type { TagBody } from '../../containers/flv/index.ts';
import {
  audioTagPrefix,
  audioTagPrefixSize,
  Opening,
  openingTime,
  TAG_TYPE,
  videoTagPrefix,
  videoTagPrefixSize,
} from '../../containers/flv/index.ts';
import type { AudioFrame, Frame, Muxer, OutputFormat, Tracks, VideoFrame } from '../../media/index.ts';
import { NO_BYTES } from '../../media/index.ts';
import { CSID_AUDIO, CSID_DATA, CSID_VIDEO, chunkMessage } from './chunk-writer.ts';

/** The chunk size that every player is told before the first frame, so that all can be sent the same bytes. */
export const OUT_CHUNK_SIZE = 4096;
/** The one message stream that createStream gives, for the same reason. */
export const MEDIA_STREAM_ID = 1;

/** The 24-bit length field of a message. */
const MAX_BODY_BYTES = 0xffffff;
/** As in FLV: the older form, which every player that plays H265 over RTMP knows. */
const HEVC_TAGGING = 'codec-id-12';
const CARRIED: ReadonlySet<string> = new Set(['H264', 'H265', 'AAC', 'MP3', 'PCMA', 'PCMU', 'OPUS']);

/** Bodies are those of FLV tags; a type 0 header each, so that a player can be let in or skipped at any message. */
export const rtmpFormat: OutputFormat = {
  name: 'rtmp',
  preamble: () => NO_BYTES,
  createMuxer: (tracks) => new RtmpMuxer(tracks),
  carries: (codec) => CARRIED.has(codec),
};

class RtmpMuxer implements Muxer {
  readonly #opening: Opening;
  /** Room for each length of prefix, used again for every frame. */
  readonly #prefixes: readonly Buffer[] = Array.from({ length: 9 }, (_, size) => Buffer.alloc(size));
  /** Of the last frame written, ms. */
  #time = 0;

  constructor(tracks: Tracks) {
    this.#opening = new Opening(tracks, HEVC_TAGGING);
  }

  header(): Buffer {
    return this.#messages(this.#opening.bodies);
  }

  setTracks(tracks: Tracks): Buffer {
    return this.#messages(this.#opening.setTracks(tracks));
  }

  /** Empty for a frame of more than 16 MiB, which no message can hold. */
  write(frame: Frame): Buffer {
    const bytes = this.#write(frame);
    if (bytes.length > 0) this.#time = frame.dts;
    return bytes;
  }

  #write(frame: Frame): Buffer {
    if (frame.kind === 'video') return this.#writeVideo(frame);
    if (frame.kind === 'audio') return this.#writeAudio(frame);
    return message(TAG_TYPE.script, frame.dts, NO_BYTES, frame.data);
  }

  #writeVideo(frame: VideoFrame): Buffer {
    const prefix = this.#prefix(videoTagPrefixSize(frame.codec, HEVC_TAGGING));
    videoTagPrefix(frame, prefix, 0, HEVC_TAGGING);
    return message(TAG_TYPE.video, frame.dts, prefix, frame.data);
  }

  #writeAudio(frame: AudioFrame): Buffer {
    const prefix = this.#prefix(audioTagPrefixSize(frame.codec));
    audioTagPrefix(frame, this.#opening.tracks.audio, prefix, 0);
    return message(TAG_TYPE.audio, frame.dts, prefix, frame.data);
  }

  #prefix(size: number): Buffer {
    return this.#prefixes[size] ?? Buffer.alloc(size);
  }

  #messages(bodies: readonly TagBody[]): Buffer {
    if (bodies.length === 0) return NO_BYTES;
    return Buffer.concat(bodies.map(({ type, body }) => message(type, openingTime(type, this.#time), NO_BYTES, body)));
  }
}

/** An FLV tag's type is the type of the RTMP message with the same body. */
function message(type: TagBody['type'], timestampMs: number, prefix: Buffer, payload: Buffer): Buffer {
  if (prefix.length + payload.length > MAX_BODY_BYTES) return NO_BYTES;
  const csid = type === TAG_TYPE.video ? CSID_VIDEO : type === TAG_TYPE.audio ? CSID_AUDIO : CSID_DATA;
  return chunkMessage(csid, type, MEDIA_STREAM_ID, Math.round(timestampMs), prefix, payload, OUT_CHUNK_SIZE);
}
