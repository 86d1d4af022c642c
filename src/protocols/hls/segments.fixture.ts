/** Test helper: a publication cut into segments, and what came of it. */
import { tsFormat } from '../../containers/mpegts/index.ts';
import { type Muxer, NO_TRACKS } from '../../media/index.ts';
import { type CutSegment, Segmenter } from './segmenter.ts';

export interface SeenSegment {
  readonly isDiscontinuous: boolean;
  readonly durationMs: number;
  readonly bytes: Buffer;
}

/** A segmenter whose segments are kept; `isWanted` says of each, by its number, whether it is. */
export function cutter(
  fragmentMs: number,
  isWanted: (index: number) => boolean = () => true,
  muxer: Muxer = tsFormat.createMuxer(NO_TRACKS),
) {
  const segments: SeenSegment[] = [];
  const leftOut: string[] = [];
  let opened = 0;
  let isDiscontinuous = false;
  let ends = 0;
  const sink = {
    open: (isNew: boolean) => {
      isDiscontinuous = isNew;
      return isWanted(opened++);
    },
    close: ({ parts, bytes, durationMs }: CutSegment) => {
      const whole = Buffer.concat(parts);
      if (whole.length !== bytes) throw new Error(`${whole.length} bytes are said to be ${bytes}`);
      segments.push({ isDiscontinuous, durationMs, bytes: whole });
    },
    end: () => {
      ends++;
    },
  };
  const segmenter = new Segmenter(fragmentMs, muxer, sink, (codec) => void leftOut.push(codec));
  /** `D` where it is a discontinuity, then the milliseconds. */
  const story = (): string[] => segments.map((each) => `${each.isDiscontinuous ? 'D' : ''}${each.durationMs}`);
  return { segmenter, segments, leftOut, story, opened: () => opened, ends: () => ends };
}
