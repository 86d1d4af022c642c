/** What opens a stream for a newcomer, as tag bodies or RTMP messages: metadata, then the sequence headers. */
import type { AudioTrack, Tracks, VideoTrack } from '../../media/index.ts';
import { CodecError, NO_BYTES, sameTrack } from '../../media/index.ts';
import { audioConfigTagBody } from './audio-tag.ts';
import { buildMetadata } from './metadata.ts';
import type { TagType } from './tag.ts';
import { MAX_TAG_BODY_BYTES, TAG_TYPE } from './tag.ts';
import type { HevcTagging } from './video-tag.ts';
import { videoConfigTagBody } from './video-tag.ts';

/** A tag or message without its framing. */
export interface TagBody {
  readonly type: TagType;
  readonly body: Buffer;
}

/** Keeps a publication's opening, and tells what of it running players lack when the tracks change. */
export class Opening {
  readonly #hevc: HevcTagging;
  #tracks: Tracks;
  #bodies: TagBody[] = [];
  /** What running players were last sent, whatever was taken away meanwhile. */
  #sentMetadata: Buffer = NO_BYTES;
  #sentVideo: VideoTrack | null = null;
  #sentAudio: AudioTrack | null = null;

  constructor(tracks: Tracks, hevc: HevcTagging) {
    this.#hevc = hevc;
    this.#tracks = tracks;
    this.setTracks(tracks);
  }

  get tracks(): Tracks {
    return this.#tracks;
  }

  /** All of it, in order; empty before anything is known. */
  get bodies(): readonly TagBody[] {
    return this.#bodies;
  }

  /** @returns what differs in content from what was there before: new metadata, the sequence headers of new tracks */
  setTracks(tracks: Tracks): TagBody[] {
    this.#tracks = tracks;
    this.#bodies = [];
    const changes: TagBody[] = [];
    const { video, audio } = tracks;
    const metadata = metadataOf(tracks, this.#hevc);
    if (metadata.length > 0) {
      this.#add(TAG_TYPE.script, metadata, changes, !metadata.equals(this.#sentMetadata));
      this.#sentMetadata = metadata;
    }
    if (video !== null) {
      this.#add(TAG_TYPE.video, videoConfig(video, this.#hevc), changes, !sameTrack(video, this.#sentVideo));
      this.#sentVideo = video;
    }
    if (audio !== null) {
      this.#add(TAG_TYPE.audio, audioConfig(audio), changes, !sameTrack(audio, this.#sentAudio));
      this.#sentAudio = audio;
    }
    return changes;
  }

  #add(type: TagType, body: Buffer, changes: TagBody[], changed: boolean): void {
    if (body.length === 0 || body.length > MAX_TAG_BODY_BYTES) return;
    const part: TagBody = { type, body };
    this.#bodies.push(part);
    if (changed) changes.push(part);
  }
}

function metadataOf(tracks: Tracks, hevc: HevcTagging): Buffer {
  if (tracks.metadata !== null) return tracks.metadata;
  return tracks.video === null && tracks.audio === null ? NO_BYTES : buildMetadata(tracks, hevc);
}

/** Empty where the parameter sets do not fit: the frames may still bring them in band. */
function videoConfig(track: VideoTrack, hevc: HevcTagging): Buffer {
  try {
    return videoConfigTagBody(track, hevc);
  } catch (error) {
    if (error instanceof CodecError) return NO_BYTES;
    throw error;
  }
}

function audioConfig(track: AudioTrack): Buffer {
  try {
    return audioConfigTagBody(track);
  } catch (error) {
    if (error instanceof CodecError) return NO_BYTES;
    throw error;
  }
}
