/** Commands that users copy into a shell. */

/** One word of a command, for a POSIX shell. */
export function quoted(text: string): string {
  return /^[\w:/.~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
