/** Which names of streams can be names of files and folders. */

/** With what is put behind it, a name fits into the 255 bytes that file systems allow. */
const MAX_NAME_BYTES = 200;

/** Null where the name can be a file's as it stands, else the reason why not. */
export function fileNameProblem(name: string): string | null {
  if (name === '') return 'the name is empty';
  if (name === '.' || name === '..') return 'the name may not be "." or ".."';
  if (/[\p{Cc}/\\]/u.test(name)) return 'the name has a slash, a backslash or a control character in it';
  if (!name.isWellFormed()) return 'the name is not well-formed Unicode';
  const bytes = Buffer.byteLength(name);
  return bytes > MAX_NAME_BYTES ? `the name has ${bytes} bytes; allowed are ${MAX_NAME_BYTES}` : null;
}
