/** Whether two tracks tell a decoder the same, so that a repeated sequence header is not taken for a change. */
import type { Track } from './track.ts';

/** By content, not by identity. */
export function sameTrack(a: Track | null, b: Track | null): boolean {
  if (a === b) return true;
  if (a === null || b === null || a.codec !== b.codec) return false;
  if (a.kind === 'video' && b.kind === 'video') {
    const vps = a.codec === 'H265' && b.codec === 'H265' ? sameUnits(a.vps, b.vps) : true;
    return vps && sameUnits(a.sps, b.sps) && sameUnits(a.pps, b.pps);
  }
  if (a.kind !== 'audio' || b.kind !== 'audio') return false;
  if (a.codec === 'AAC' && b.codec === 'AAC') return a.config.equals(b.config);
  return a.sampleRate === b.sampleRate && a.channels === b.channels;
}

function sameUnits(a: readonly Buffer[], b: readonly Buffer[]): boolean {
  return a.length === b.length && a.every((unit, i) => b[i]?.equals(unit) === true);
}
