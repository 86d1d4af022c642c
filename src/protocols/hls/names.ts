/** Which names of streams can be names of folders, and which paths below the pattern mean what. */
import { LOW_LATENCY_PLAYLIST } from './low-latency/index.ts';

/** Bytes of a stream's name at most: with the rest of a segment's name it fits into 255. */
const MAX_NAME_BYTES = 200;

export const LIVE_FILE = 'playlist.m3u8';
export const RECORD_FILE = 'record.m3u8';

/** Why a name cannot be a folder's. */
export interface NameProblem {
  readonly reason: string;
  /** It could lead out of the folder of folders. */
  readonly couldClimb: boolean;
}

/** Null where the name can be a folder's as it stands. */
export function nameProblem(streamName: string): NameProblem | null {
  if (streamName === '.' || streamName === '..') {
    return { reason: 'the name may not be "." or ".."', couldClimb: true };
  }
  if (hasUnsafe(streamName)) {
    return { reason: 'the name has a slash, a backslash or a control character in it', couldClimb: true };
  }
  if (streamName === '') return { reason: 'the name is empty', couldClimb: false };
  if (!streamName.isWellFormed()) return { reason: 'the name is not well-formed Unicode', couldClimb: false };
  const bytes = Buffer.byteLength(streamName);
  if (bytes <= MAX_NAME_BYTES) return null;
  return { reason: `the name has ${bytes} bytes; allowed are ${MAX_NAME_BYTES}`, couldClimb: false };
}

function hasUnsafe(name: string): boolean {
  for (let i = 0; i < name.length; i++) {
    const code = name.charCodeAt(i);
    if (code < 0x20 || code === 0x7f || code === 0x2f || code === 0x5c) return true;
  }
  return false;
}

/** `STREAM-UNIXMS-INDEX.ts` */
export function segmentFile(streamName: string, unixMs: number, index: number): string {
  return `${streamName}-${unixMs}-${index}.ts`;
}

/** The index in the name of a segment of this stream; null: it is none. */
export function segmentIndex(streamName: string, file: string): number | null {
  if (!file.startsWith(`${streamName}-`)) return null;
  const index = /^\d{1,15}-(\d{1,15})\.ts$/.exec(file.slice(streamName.length + 1))?.[1];
  return index === undefined ? null : Number(index);
}

/** What a path means. */
export type Wanted =
  /** A playlist of a stream, or something that its low-latency playlist lists. */
  | { readonly what: 'playlist' | 'low latency'; readonly streamName: string; readonly file: string }
  /** The stream is the one in the file's name, whatever folder the path names. */
  | { readonly what: 'segment'; readonly streamName: string; readonly file: string };

/** Reads a path without the pattern; null: it means nothing. */
export function parsePath(path: string): Wanted | null {
  const parts = path.split('/');
  const file = parts.at(-1) ?? '';
  if (parts.length > 2) return null;
  const segmentOf = /^(.+)-\d{1,15}-\d{1,15}\.ts$/s.exec(file)?.[1];
  if (segmentOf !== undefined) return { what: 'segment', streamName: segmentOf, file };
  const [streamName = ''] = parts;
  if (parts.length === 1) {
    if (!file.endsWith('.m3u8')) return null;
    return { what: 'playlist', streamName: file.slice(0, -'.m3u8'.length), file: LIVE_FILE };
  }
  if (file === LIVE_FILE || file === RECORD_FILE) return { what: 'playlist', streamName, file };
  const isLowLatency = file === LOW_LATENCY_PLAYLIST || /^ll-.*\.(m4s|mp4)$/.test(file);
  return isLowLatency ? { what: 'low latency', streamName, file } : null;
}
