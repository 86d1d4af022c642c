/** How long the parts of a stream are: whole frames, and near enough to each other for every one of them to be allowed. */

/** Bounds on the parts of a stream (RFC 8216bis 4.4.4.9). Milliseconds. */
export interface PartTarget {
  /** The Part Target Duration: no part may be longer. */
  readonly maxMs: number;
  /** All but the last of a segment are at least so long. */
  readonly minMs: number;
}

/** Of the Part Target Duration, which a part must have that is not its segment's last. */
const MIN_SHARE = 0.85;
/** Where a part of the usual length lies between that and 1: in the middle, so that frames may come early or late. */
const USUAL_SHARE = 0.93;
/** A target that was already announced stays, where the usual length differs from its middle by no more than this share. */
const MAX_OFF_MIDDLE = 0.03;
/** Steps longer than so many usual ones are holes and tell nothing of the frame rate. */
const HOLE_STEPS = 2;

/**
 * @param stepsMs between frames that follow each other; empty: not known
 * @param wantedMs the length that parts are to have about; at slow frame rates they have one frame
 * @param announced the one that viewers know, which stays where it fits
 */
export function partTarget(stepsMs: readonly number[], wantedMs: number, announced: PartTarget | null): PartTarget {
  const step = usualStep(stepsMs);
  const usualMs = step === null ? wantedMs : Math.max(1, Math.round(wantedMs / step)) * step;
  if (announced !== null && Math.abs(usualMs / announced.maxMs - USUAL_SHARE) <= MAX_OFF_MIDDLE) return announced;
  const maxMs = Math.ceil(usualMs / USUAL_SHARE);
  return { maxMs, minMs: maxMs * MIN_SHARE };
}

/** The mean without holes; null where nothing can be said. */
function usualStep(stepsMs: readonly number[]): number | null {
  const sorted = stepsMs.filter((step) => step > 0).sort((a, b) => a - b);
  const median = sorted[sorted.length >> 1];
  if (median === undefined) return null;
  const usual = sorted.filter((step) => step <= median * HOLE_STEPS);
  return usual.reduce((sum, step) => sum + step, 0) / usual.length;
}
