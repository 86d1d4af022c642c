/** What can be recorded: frames to the bytes of one file. */
import { flvFormats, type HevcTagging } from '../containers/flv/index.ts';
import { createFmp4Init, Fmp4FragmentMuxer } from '../containers/fmp4/index.ts';
import { tsFormat } from '../containers/mpegts/index.ts';
import { type Frame, NO_BYTES, type OutputFormat, sameTrack, type Tracks } from '../media/index.ts';

export const RECORD_FORMATS = ['flv', 'ts', 'mp4'] as const;
export type RecordFormat = (typeof RECORD_FORMATS)[number];

/** One file's muxer. What it gives is to be written in order. */
export interface FileMuxer {
  /** What the file begins with. */
  begin(): Buffer;
  /** The tracks of the frames that follow; null: they need another file. */
  setTracks(tracks: Tracks): Buffer | null;
  write(frame: Frame): Buffer;
  /** What is still to come once there are no more frames. */
  end(): Buffer;
  /** Whether the file can hold this codec. */
  carries(codec: string): boolean;
}

/** Null where the file could hold none of the tracks. @param hevc how H265 is tagged in FLV */
export function createFileMuxer(format: RecordFormat, tracks: Tracks, hevc: HevcTagging): FileMuxer | null {
  if (format === 'mp4') return Mp4File.create(tracks);
  const output = format === 'flv' ? flvFormats[hevc] : tsFormat;
  const codecs = [tracks.video?.codec, tracks.audio?.codec];
  const isUseful = codecs.some((codec) => codec !== undefined && output.carries(codec));
  return isUseful ? streamedFile(output, tracks) : null;
}

/** A format for players is one for files as well. */
function streamedFile(output: OutputFormat, tracks: Tracks): FileMuxer {
  const muxer = output.createMuxer(tracks);
  return {
    begin: () => Buffer.concat([output.preamble(tracks), muxer.header()]),
    setTracks: (changed) => muxer.setTracks(changed),
    write: (frame) => muxer.write(frame),
    end: () => NO_BYTES,
    carries: (codec) => output.carries(codec),
  };
}

/** A fragment holds about so much: what a crash takes. Milliseconds. */
const FRAGMENT_MS = 1000;
/** Frames that wait for their fragment; a sender's absurd times must not gather more. Bytes. */
const MAX_FRAGMENT_BYTES = 16 * 1024 * 1024;

/** Fragmented MP4: whole fragments are appended, so that what is there plays whatever happens next. */
class Mp4File implements FileMuxer {
  readonly #init: Buffer;
  readonly #tracks: Tracks;
  readonly #muxer: Fmp4FragmentMuxer;
  #cutAt: number | null = null;

  private constructor(tracks: Tracks, init: Buffer) {
    this.#init = init;
    this.#tracks = tracks;
    this.#muxer = new Fmp4FragmentMuxer(tracks);
  }

  static create(tracks: Tracks): Mp4File | null {
    const init = createFmp4Init(tracks);
    return init === null ? null : new Mp4File(tracks, init);
  }

  begin(): Buffer {
    return this.#init;
  }

  setTracks({ video, audio }: Tracks): Buffer | null {
    const isSame = sameTrack(video, this.#tracks.video) && sameTrack(audio, this.#tracks.audio);
    return isSame ? NO_BYTES : null;
  }

  write(frame: Frame): Buffer {
    this.#cutAt ??= frame.dts + FRAGMENT_MS;
    const isDue = frame.dts >= this.#cutAt || this.#muxer.waitingBytes > MAX_FRAGMENT_BYTES;
    this.#muxer.write(frame);
    if (!isDue) return NO_BYTES;
    this.#cutAt = frame.dts + FRAGMENT_MS;
    return this.#muxer.cut()?.bytes ?? NO_BYTES;
  }

  end(): Buffer {
    this.#muxer.flush();
    return this.#muxer.cut()?.bytes ?? NO_BYTES;
  }

  carries(codec: string): boolean {
    const { video, audio } = this.#tracks;
    return (codec === video?.codec && this.#muxer.carriesVideo) || (codec === audio?.codec && this.#muxer.carriesAudio);
  }
}
