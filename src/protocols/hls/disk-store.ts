/** One stream's folder: segments, the live playlist, the record playlist. Everything is asynchronous, one call at a time. */
import {
  appendFile,
  copyFile,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rmdir,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import {
  END_LINE,
  type PlaylistSegment,
  parsePlaylist,
  segmentLines,
  serializePlaylist,
  targetSecOf,
  withTarget,
} from '../../containers/m3u8/index.ts';
import { LIVE_FILE, nameProblem, RECORD_FILE, segmentIndex } from './names.ts';

/** Playlists are written under this ending and then renamed, so that nobody ever reads half of one. */
const UNFINISHED = '.unfinished';
/** Marks a folder that is to be deleted after its stream's end, also where that end came with the process's. */
const CLEANUP_MARK = '.cleanup';

/** What an earlier publication, or an earlier process, left in the folder. */
export interface Leftover {
  /** Segments in the order of their index. */
  readonly files: readonly string[];
  /** The live playlist; null: there is none. */
  readonly playlist: string | null;
  /** Greater than that of any segment that is there or in the playlist. */
  readonly nextIndex: number;
}

export class DiskStore {
  readonly #streamName: string;
  readonly #folder: string;
  readonly #leastTargetSec: number;
  readonly #isKept: boolean;
  #isMarked = false;
  /** The record playlist's target duration; null: it has not been looked at by this process. */
  #recordTargetSec: number | null = null;

  /**
   * @param fragmentMs what segments are to have about; milliseconds
   * @param isKept whether the folder is never to be deleted
   */
  constructor(outPath: string, streamName: string, fragmentMs: number, isKept: boolean) {
    this.#isKept = isKept;
    this.#streamName = streamName;
    this.#leastTargetSec = targetSecOf(fragmentMs);
    this.#folder = resolve(outPath, streamName);
  }

  /** Rejects where the folder is there and cannot be read. */
  async leftover(): Promise<Leftover> {
    const index = (file: string): number => segmentIndex(this.#streamName, file) ?? -1;
    const files = (await this.#list()).filter((file) => index(file) >= 0).sort((a, b) => index(a) - index(b));
    const playlist = await this.#read(LIVE_FILE);
    const listed = playlist === null ? [] : (parsePlaylist(playlist)?.segments ?? []);
    const last = [files.at(-1) ?? '', ...listed.map(({ uri }) => decode(uri))].map(index);
    return { files, playlist, nextIndex: Math.max(...last) + 1 };
  }

  /** Makes the segment's file, and its folder. */
  async create(file: string): Promise<void> {
    await makeFolder(this.#folder);
    // a link here would lead out of the folder of folders
    if (!(await lstat(this.#folder)).isDirectory()) throw new Error(`${this.#folder} is not a folder`);
    await this.#mark();
    await writeFile(this.#path(file), '');
  }

  async finish(file: string, bytes: Buffer): Promise<void> {
    await writeFile(this.#path(file), bytes);
  }

  /** Never rejects: what cannot be removed stays. */
  async discard(file: string): Promise<void> {
    await unlink(this.#path(file)).catch(() => {});
  }

  async writeLive(text: string): Promise<void> {
    await this.#replace(LIVE_FILE, (unfinished) => writeFile(unfinished, text));
  }

  /** Adds a segment to the record playlist, which is begun, or opened again, where it must be. */
  async addToRecord(segment: PlaylistSegment): Promise<void> {
    const wantedSec = Math.max(this.#leastTargetSec, targetSecOf(segment.durationMs));
    const targetSec = this.#recordTargetSec;
    if (targetSec !== null && wantedSec <= targetSec) await this.#append(segmentLines(segment));
    else await this.#rewriteRecord(wantedSec, segmentLines(segment));
  }

  /** Nothing is added to the record playlist any more, unless the stream comes back. */
  async endRecord(): Promise<void> {
    if (this.#recordTargetSec === null) return;
    await this.#append(END_LINE);
    this.#recordTargetSec = null;
  }

  /** The file is copied, since it is replaced as a whole; a long record never is in memory. */
  async #append(lines: string): Promise<void> {
    try {
      await this.#replace(RECORD_FILE, async (unfinished) => {
        await copyFile(this.#path(RECORD_FILE), unfinished);
        await appendFile(unfinished, lines);
      });
    } catch (error) {
      // somebody may have deleted it
      this.#recordTargetSec = null;
      throw error;
    }
  }

  async #rewriteRecord(leastTargetSec: number, lines: string): Promise<void> {
    const earlier = await this.#read(RECORD_FILE);
    const playlist = earlier === null ? null : parsePlaylist(earlier);
    const targetSec = Math.max(leastTargetSec, playlist?.targetSec ?? 0);
    const text =
      earlier === null || playlist === null
        ? serializePlaylist({ ...NEW_RECORD, targetSec })
        : withTarget(earlier, targetSec).replace(END_LINE, '');
    await this.#replace(RECORD_FILE, (unfinished) => writeFile(unfinished, text + lines));
    this.#recordTargetSec = targetSec;
  }

  /** Removes all that is ours, and the folder where nothing else is in it. */
  async removeAll(): Promise<void> {
    for (const file of await this.#list()) {
      if (this.#isOurs(file)) await unlink(this.#path(file));
    }
    await rmdir(this.#folder).catch((error: unknown) => {
      if (!hasCode(error, 'ENOENT') && !hasCode(error, 'ENOTEMPTY')) throw error;
    });
  }

  #isOurs(file: string): boolean {
    const name = file.endsWith(UNFINISHED) ? file.slice(0, -UNFINISHED.length) : file;
    if (name === LIVE_FILE || name === RECORD_FILE || name === CLEANUP_MARK) return true;
    return segmentIndex(this.#streamName, file) !== null;
  }

  async #mark(): Promise<void> {
    if (this.#isMarked) return;
    if (this.#isKept) await this.discard(CLEANUP_MARK);
    else await writeFile(this.#path(CLEANUP_MARK), '');
    this.#isMarked = true;
  }

  async #replace(file: string, write: (unfinished: string) => Promise<void>): Promise<void> {
    const unfinished = this.#path(file + UNFINISHED);
    await write(unfinished);
    await rename(unfinished, this.#path(file));
  }

  async #list(): Promise<string[]> {
    try {
      return await readdir(this.#folder);
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return [];
      throw error;
    }
  }

  async #read(file: string): Promise<string | null> {
    try {
      return await readFile(this.#path(file), 'utf8');
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return null;
      throw error;
    }
  }

  #path(file: string): string {
    return join(this.#folder, file);
  }
}

/** Names of the streams whose folders an earlier process was to delete, and did not live to. */
export async function markedFolders(outPath: string): Promise<string[]> {
  const marked: string[] = [];
  for (const entry of await readdir(outPath, { withFileTypes: true }).catch(() => [])) {
    if (!entry.isDirectory() || nameProblem(entry.name) !== null) continue;
    const mark = await lstat(join(outPath, entry.name, CLEANUP_MARK)).catch(() => null);
    if (mark !== null) marked.push(entry.name);
  }
  return marked;
}

const NEW_RECORD = {
  type: 'event',
  mediaSequence: 0,
  discontinuitySequence: 0,
  segments: [],
  isEnded: false,
} as const;

/** Not by mkdir's own `recursive`, which never returns on file systems that answer ENOENT to a parent that is there. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return;
    if (!hasCode(error, 'ENOENT') || dirname(folder) === folder) throw error;
    await makeFolder(dirname(folder));
    await mkdir(folder);
  }
}

function decode(uri: string): string {
  try {
    return decodeURIComponent(uri);
  } catch {
    return uri;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
