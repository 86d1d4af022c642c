/** Elementary streams for a publisher: access units as byte streams (Annex B) and AAC with ADTS headers. */
import { AdtsReader, EventList, type TsEvent, VideoReader } from '../containers/mpegts/index.ts';
import type { Frame, Tracks, VideoCodec } from '../media/index.ts';

/** What media are made of, in order: `tracks` are for `setTracks`, frames for `write`. */
export type MediaEvent =
  /** The tracks are these from now on. */
  | { readonly kind: 'tracks'; readonly tracks: Tracks }
  | { readonly kind: 'frame'; readonly frame: Frame }
  /** Something was left out; what comes after it may be sound. */
  | { readonly kind: 'corrupt'; readonly why: string };

/** One stream's access units and audio frames in turn; the tracks are read from what is in them. */
export class ElementaryReader {
  readonly #events = new EventList();
  readonly #audio = new AdtsReader(0, this.#events);
  #video: { readonly codec: VideoCodec; readonly reader: VideoReader } | null = null;

  /**
   * One whole access unit with start codes (Annex B), parameter sets among its NAL units; those before the first ones
   * are left out.
   * @param pts when it is shown, and `dts` when it is decoded; milliseconds
   */
  pushVideo(codec: VideoCodec, accessUnit: Buffer, pts: number, dts: number = pts): MediaEvent[] {
    if (this.#video?.codec !== codec) this.#video = { codec, reader: new VideoReader(codec, 0, this.#events) };
    this.#video.reader.push(accessUnit, pts, dts);
    return this.#take();
  }

  /** AAC frames with their ADTS headers; one that is not whole waits for its rest. @param pts of the first, in milliseconds */
  pushAac(adts: Buffer, pts: number): MediaEvent[] {
    this.#audio.push(adts, pts);
    return this.#take();
  }

  #take(): MediaEvent[] {
    return this.#events.take().flatMap(mediaEvent);
  }
}

function mediaEvent(event: TsEvent): MediaEvent[] {
  switch (event.type) {
    case 'tracks':
      return [{ kind: 'tracks', tracks: event.tracks }];
    case 'frame':
      return [{ kind: 'frame', frame: event.frame }];
    case 'problem':
      return [{ kind: 'corrupt', why: event.reason }];
    default:
      return [];
  }
}
