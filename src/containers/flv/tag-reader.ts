/** Tags of one stream, from a file or as RTMP messages, to tracks and frames on an unwrapped timeline. */
import type { Frame, Track, Tracks } from '../../media/index.ts';
import { NO_TRACKS, sameTrack } from '../../media/index.ts';
import { Amf0Error } from './amf-value.ts';
import { Amf0Reader, parseAmf0 } from './amf0.ts';
import { AudioTagParser } from './audio-tag.ts';
import { declaredKbits, METADATA_NAME } from './metadata.ts';
import { TAG_TYPE } from './tag.ts';
import { VideoTagParser } from './video-tag.ts';

/** Metadata is kept and sent to every newcomer; a keyframe index of ten hours has about 700 KB. */
export const MAX_METADATA_BYTES = 1024 * 1024;

export type TagEvent =
  /** The tracks or the metadata are these from now on. */
  | { readonly kind: 'tracks'; readonly tracks: Tracks }
  | { readonly kind: 'frame'; readonly frame: Frame }
  | { readonly kind: 'end-of-sequence' }
  | { readonly kind: 'ignored'; readonly why: string }
  | { readonly kind: 'unsupported'; readonly codecName: string }
  /** This tag broke the rules, or has more in it than this server takes, and is left out; those after it may be sound. */
  | { readonly kind: 'corrupt' | 'excessive'; readonly why: string };

/** Takes events: an array of them, or of a wider type. */
export interface TagEvents {
  push(event: TagEvent): unknown;
}

/** One stream's tags in turn. Never throws on what a peer sent. */
export class TagReader {
  readonly #video = new VideoTagParser();
  readonly #audio = new AudioTagParser();
  #tracks: Tracks = NO_TRACKS;
  #time: number | null = null;

  /**
   * @param type the tag's or message's type: 8, 9 or 18; others are ignored
   * @param timestamp as on the wire, modulo 2^32: steps of less than 2^31 either way are followed over the wrap
   * @param body frames are views of it, so it must not be changed afterwards
   * @param events what the tag brought is appended here, 0 to 2 events
   */
  read(type: number, timestamp: number, body: Buffer, events: TagEvents): void {
    const time = this.#unwrap(timestamp);
    if (type === TAG_TYPE.video) this.#readVideo(time, body, events);
    else if (type === TAG_TYPE.audio) this.#readAudio(time, body, events);
    else if (type === TAG_TYPE.script) this.#readScript(time, body, events);
    else events.push({ kind: 'ignored', why: `tag type ${type}` });
  }

  #unwrap(timestamp: number): number {
    this.#time = this.#time === null ? timestamp : this.#time + ((timestamp - this.#time) | 0);
    return this.#time;
  }

  #readVideo(dts: number, body: Buffer, events: TagEvents): void {
    const tag = this.#video.parse(body);
    if (tag.kind === 'config') this.#setTrack(tag.track, events);
    else if (tag.kind === 'frame') {
      const { codec, key, data } = tag;
      const pts = dts + tag.compositionTime;
      events.push({ kind: 'frame', frame: { kind: 'video', codec, dts, pts, key, data } });
    } else events.push(tag);
  }

  #readAudio(dts: number, body: Buffer, events: TagEvents): void {
    const tag = this.#audio.parse(body);
    if (tag.kind === 'config') this.#setTrack(tag.track, events);
    else if (tag.kind === 'frame') {
      if (tag.newTrack !== null) this.#setTrack(tag.newTrack, events);
      const { codec, data } = tag;
      events.push({ kind: 'frame', frame: { kind: 'audio', codec, dts, pts: dts, data } });
    } else events.push(tag);
  }

  #setTrack(track: Track, events: TagEvents): void {
    // many encoders repeat their sequence headers with every key frame
    if (sameTrack(track, track.kind === 'video' ? this.#tracks.video : this.#tracks.audio)) return;
    this.#tracks = track.kind === 'video' ? { ...this.#tracks, video: track } : { ...this.#tracks, audio: track };
    events.push({ kind: 'tracks', tracks: this.#tracks });
  }

  #readScript(dts: number, body: Buffer, events: TagEvents): void {
    try {
      const name = new Amf0Reader(body).read();
      if (typeof name !== 'string') events.push({ kind: 'corrupt', why: 'script data does not begin with a name' });
      else if (name !== METADATA_NAME) {
        events.push({ kind: 'frame', frame: { kind: 'data', dts, pts: dts, data: body } });
      } else this.#setMetadata(body, events);
    } catch (error) {
      if (!(error instanceof Amf0Error)) throw error;
      events.push({ kind: 'corrupt', why: error.message });
    }
  }

  /** @throws Amf0Error */
  #setMetadata(body: Buffer, events: TagEvents): void {
    if (body.length > MAX_METADATA_BYTES) {
      const why = `metadata of ${body.length} bytes, at most ${MAX_METADATA_BYTES} are allowed`;
      events.push({ kind: 'corrupt', why });
      return;
    }
    const [, metadata] = parseAmf0(body);
    if (this.#tracks.metadata?.equals(body) === true) return;
    const { video, audio } = this.#tracks;
    const kbits = declaredKbits(metadata);
    this.#tracks = {
      ...{ video, audio, metadata: Buffer.from(body) },
      ...(kbits === null ? {} : { declaredKbits: kbits }),
    };
    events.push({ kind: 'tracks', tracks: this.#tracks });
  }
}
