/** Test helper: what a program stream has in it, as the demuxer tells it. */
import { type Frame, NO_TRACKS, type Tracks } from '../../media/index.ts';
import type { TsEvent } from '../mpegts/index.ts';
import { PsDemuxer } from './demuxer.ts';

export interface Outcome {
  tracks: Tracks;
  frames: Frame[];
  problems: string[];
  skipped: number;
}

/** What events come to. */
export function outcome(events: readonly TsEvent[]): Outcome {
  const result: Outcome = { tracks: NO_TRACKS, frames: [], problems: [], skipped: 0 };
  for (const event of events) {
    if (event.type === 'tracks') result.tracks = event.tracks;
    else if (event.type === 'frame') result.frames.push(event.frame);
    else if (event.type === 'problem' || event.type === 'excess') result.problems.push(event.reason);
    else if (event.type === 'skipped') result.skipped += event.bytes;
  }
  return result;
}

/** What comes of a whole stream. */
export function demux(...pieces: Buffer[]): Outcome {
  const demuxer = new PsDemuxer();
  return outcome([...pieces.flatMap((piece) => demuxer.push(piece)), ...demuxer.end()]);
}
