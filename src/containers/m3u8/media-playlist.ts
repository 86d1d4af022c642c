/** Media playlists of HLS (RFC 8216) as text: version 3, live or growing, written by line and read back. */

export interface PlaylistSegment {
  /** A URI reference, percent-encoded. */
  readonly uri: string;
  readonly durationMs: number;
  /** It does not follow on the one before it in time or coding (RFC 8216 4.3.2.3). */
  readonly isDiscontinuous: boolean;
}

export interface MediaPlaylist {
  /** `live`: the last segments; `event`: all, and more are added at the end (RFC 8216 4.3.3.5). */
  readonly type: 'live' | 'event';
  /** No segment is longer, in whole seconds. */
  readonly targetSec: number;
  /** The number of the first segment (RFC 8216 4.3.3.2). */
  readonly mediaSequence: number;
  /** How many discontinuities lie before the first segment (RFC 8216 4.3.3.3). */
  readonly discontinuitySequence: number;
  readonly segments: readonly PlaylistSegment[];
  /** Nothing is added any more. */
  readonly isEnded: boolean;
}

/** The line that ends a playlist to which nothing is added any more. */
export const END_LINE = '#EXT-X-ENDLIST\n';

/** The whole playlist. */
export function serializePlaylist(playlist: MediaPlaylist): string {
  const { type, targetSec, mediaSequence, discontinuitySequence, segments, isEnded } = playlist;
  const head = [
    '#EXTM3U\n#EXT-X-VERSION:3\n',
    ...(type === 'event' ? ['#EXT-X-PLAYLIST-TYPE:EVENT\n'] : []),
    targetLine(targetSec),
    `#EXT-X-MEDIA-SEQUENCE:${mediaSequence}\n`,
    ...(discontinuitySequence > 0 ? [`#EXT-X-DISCONTINUITY-SEQUENCE:${discontinuitySequence}\n`] : []),
  ];
  return [...head, ...segments.map(segmentLines), isEnded ? END_LINE : ''].join('');
}

/** A segment's lines, as they are added to a playlist. */
export function segmentLines({ uri, durationMs, isDiscontinuous }: PlaylistSegment): string {
  return `${isDiscontinuous ? '#EXT-X-DISCONTINUITY\n' : ''}#EXTINF:${(durationMs / 1000).toFixed(3)},\n${uri}\n`;
}

/** Whole seconds that a segment of this length fits. */
export function targetSecOf(durationMs: number): number {
  return Math.max(1, Math.ceil(durationMs / 1000));
}

/** The same playlist with another target duration. */
export function withTarget(text: string, targetSec: number): string {
  return text.replace(/^#EXT-X-TARGETDURATION:.*\n/m, targetLine(targetSec));
}

/** The same playlist with this behind each segment's URI. */
export function withUriSuffix(text: string, suffix: string): string {
  return suffix === '' ? text : text.replace(/^([^#\r\n]+)$/gm, (uri) => uri + suffix);
}

function targetLine(targetSec: number): string {
  return `#EXT-X-TARGETDURATION:${targetSec}\n`;
}

/** Reads what `serializePlaylist` writes; tags that it does not write are passed over. Null: it is no media playlist. */
export function parsePlaylist(text: string): MediaPlaylist | null {
  const lines = text.split('\n').map((line) => line.trimEnd());
  if (lines[0] !== '#EXTM3U') return null;
  const target = numberOf(lines, '#EXT-X-TARGETDURATION:');
  if (target === null) return null;
  return {
    type: lines.includes('#EXT-X-PLAYLIST-TYPE:EVENT') ? 'event' : 'live',
    targetSec: target,
    mediaSequence: numberOf(lines, '#EXT-X-MEDIA-SEQUENCE:') ?? 0,
    discontinuitySequence: numberOf(lines, '#EXT-X-DISCONTINUITY-SEQUENCE:') ?? 0,
    segments: parseSegments(lines),
    isEnded: lines.includes('#EXT-X-ENDLIST'),
  };
}

function parseSegments(lines: readonly string[]): PlaylistSegment[] {
  const segments: PlaylistSegment[] = [];
  let durationMs: number | null = null;
  let isDiscontinuous = false;
  for (const line of lines) {
    const duration = /^#EXTINF:(\d+(?:\.\d+)?)/.exec(line)?.[1];
    if (duration !== undefined) durationMs = Math.round(Number(duration) * 1000);
    else if (line === '#EXT-X-DISCONTINUITY') isDiscontinuous = true;
    else if (line !== '' && !line.startsWith('#') && durationMs !== null) {
      segments.push({ uri: line, durationMs, isDiscontinuous });
      durationMs = null;
      isDiscontinuous = false;
    }
  }
  return segments;
}

/** The number of the first line that begins so. */
function numberOf(lines: readonly string[], tag: string): number | null {
  const digits = lines.find((line) => line.startsWith(tag))?.slice(tag.length);
  return digits !== undefined && /^\d{1,15}$/.test(digits) ? Number(digits) : null;
}
