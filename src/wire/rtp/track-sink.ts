/** Where the readers of a publication's media put what they find. */
import type { AudioTrack, Frame, VideoTrack } from '../../media/index.ts';

export interface TrackSink {
  track(track: VideoTrack | AudioTrack): void;
  frame(frame: Frame): void;
  problem(message: string): void;
  /** More came than is taken of one frame. */
  excess(message: string): void;
  /** A frame that came, or came in part, and was not handed on. */
  dropped(): void;
}

/** Milliseconds on the stream's own time, of an RTP timestamp. */
export type TimeOf = (timestamp: number) => number;
