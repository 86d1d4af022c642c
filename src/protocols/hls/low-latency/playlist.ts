/** The playlist of a low-latency stream (RFC 8216bis): whole, or what is new since the skip boundary. */
import type { Part, Segment, SegmentWindow } from './segment-window.ts';

/** Stands in a playlist where each viewer's own suffix goes, behind every URI. No URI has it. */
export const SUFFIX_MARK = '\0';

/** EXT-X-SKIP needs 9, all else less (RFC 8216bis 8). */
const VERSION = 9;
/** Viewers stay so many parts, or target durations, behind the end (4.4.3.8). */
const PART_HOLD_BACK_PARTS = 3;
const HOLD_BACK_TARGETS = 3;
/** What is older than so many target durations may be skipped (4.4.3.8). */
const SKIP_TARGETS = 6;
/** Parts are listed of the segment that is being made and so many before it: what viewers near the end need. */
const SEGMENTS_WITH_PARTS = 2;

/** Names of what the playlist refers to. */
export interface Names {
  init(id: number): string;
  segment(sequence: number): string;
  part(id: number): string;
}

export interface PlaylistState {
  readonly window: SegmentWindow;
  readonly names: Names;
  readonly ended: boolean;
}

/**
 * @param delta old segments are replaced by EXT-X-SKIP, where there are any
 * @returns the text, with `SUFFIX_MARK` behind every URI
 */
export function writePlaylist(state: PlaylistState, delta: boolean): string {
  const { window, ended } = state;
  const { listed, open } = window;
  const skipped = delta && !ended ? skippable(listed, open, window.targetDurationSec) : 0;
  const lines = head(state, listed[0]?.sequence ?? window.nextSequence);
  if (skipped > 0) lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${skipped}`);
  const withParts = listed.length - SEGMENTS_WITH_PARTS;
  const target = window.target;
  let initId = -1;
  listed.slice(skipped).forEach((segment, i) => {
    opening(lines, state.names, segment, initId);
    initId = segment.initId;
    // those that keep to another target would break the one that is announced
    if (skipped + i >= withParts && segment.showsParts && segment.target === target)
      partLines(lines, state.names, segment.parts);
    lines.push(`#EXTINF:${seconds(segment.durationMs)},`, state.names.segment(segment.sequence) + SUFFIX_MARK);
  });
  if (open !== null) {
    opening(lines, state.names, open, initId);
    partLines(lines, state.names, open.parts);
  }
  if (ended) lines.push('#EXT-X-ENDLIST');
  else lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${state.names.part(window.nextPartId)}${SUFFIX_MARK}"`);
  return `${lines.join('\n')}\n`;
}

function head(state: PlaylistState, sequence: number): string[] {
  const { targetDurationSec, discontinuitySequence, target } = state.window;
  const partTargetMs = target?.maxMs ?? 0;
  const control = [
    'CAN-BLOCK-RELOAD=YES',
    `PART-HOLD-BACK=${seconds(PART_HOLD_BACK_PARTS * partTargetMs)}`,
    `HOLD-BACK=${HOLD_BACK_TARGETS * targetDurationSec}`,
    `CAN-SKIP-UNTIL=${SKIP_TARGETS * targetDurationSec}`,
  ];
  return [
    '#EXTM3U',
    `#EXT-X-VERSION:${VERSION}`,
    `#EXT-X-TARGETDURATION:${targetDurationSec}`,
    `#EXT-X-SERVER-CONTROL:${control.join(',')}`,
    `#EXT-X-PART-INF:PART-TARGET=${seconds(partTargetMs)}`,
    `#EXT-X-MEDIA-SEQUENCE:${sequence}`,
    ...(discontinuitySequence > 0 ? [`#EXT-X-DISCONTINUITY-SEQUENCE:${discontinuitySequence}`] : []),
  ];
}

function opening(lines: string[], names: Names, segment: Segment, initIdBefore: number): void {
  if (segment.discontinuity) lines.push('#EXT-X-DISCONTINUITY');
  if (segment.initId !== initIdBefore) lines.push(`#EXT-X-MAP:URI="${names.init(segment.initId)}${SUFFIX_MARK}"`);
  lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(segment.unixMs).toISOString()}`);
}

function partLines(lines: string[], names: Names, parts: readonly Part[]): void {
  for (const part of parts) {
    const independent = part.independent ? ',INDEPENDENT=YES' : '';
    lines.push(
      `#EXT-X-PART:DURATION=${seconds(part.durationMs)},URI="${names.part(part.id)}${SUFFIX_MARK}"${independent}`,
    );
  }
}

/** How many segments from the front end before the skip boundary. */
function skippable(listed: readonly Segment[], open: Segment | null, targetDurationSec: number): number {
  const boundaryMs = SKIP_TARGETS * targetDurationSec * 1000;
  let behindMs = open?.durationMs ?? 0;
  for (let count = listed.length; count > 0; count--) {
    if (behindMs > boundaryMs) return count;
    behindMs += listed[count - 1]?.durationMs ?? 0;
  }
  return 0;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(5);
}
