/** Opens files below a folder so that nothing outside of it is ever read. */
import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { FileBody } from './http-answer.ts';

export interface OpenFile {
  readonly handle: FileHandle;
  readonly bytes: number;
  /** Tells versions of the file apart: its size and time of change. */
  readonly etag: string;
}

/** Opens the file for reading, to be closed by the caller; null where there is none, or where a link is on its way. */
export async function openFileBody({ root, path }: FileBody): Promise<OpenFile | null> {
  try {
    const wanted = join(await realpath(root), resolve('/', path));
    if ((await realpath(wanted)) !== wanted) return null;
    // no waiting for the other end of a FIFO
    const handle = await open(wanted, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const { size, mtimeMs, isFile } = await statOrClose(handle);
    if (isFile) return { handle, bytes: size, etag: `"${size.toString(36)}-${Math.floor(mtimeMs).toString(36)}"` };
    await handle.close();
    return null;
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** The whole file; null as above, and where it is larger than `maxBytes`. */
export async function readFileBody(body: FileBody, maxBytes: number): Promise<Buffer | null> {
  const file = await openFileBody(body);
  if (file === null) return null;
  try {
    return file.bytes > maxBytes ? null : await file.handle.readFile();
  } finally {
    await file.handle.close();
  }
}

async function statOrClose(handle: FileHandle): Promise<{ size: number; mtimeMs: number; isFile: boolean }> {
  try {
    const stat = await handle.stat();
    return { size: stat.size, mtimeMs: stat.mtimeMs, isFile: stat.isFile() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

const MISSING: ReadonlySet<unknown> = new Set([
  ...['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EISDIR', 'ENXIO', 'EACCES', 'ERR_INVALID_ARG_VALUE'],
]);

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && MISSING.has(error.code);
}
