/** Which stream a path names, by one rule for every protocol. */

/** Longer app or stream names are refused: names become log fields, callback bodies and, for some outputs, file names. */
export const MAX_NAME_LENGTH = 1024;

export interface StreamPath {
  readonly appName: string;
  readonly streamName: string;
}

/**
 * Cuts a path (no query) at its last slash: before it the app name without slashes at its ends, after it the stream
 * name. The reason where the path names no stream.
 */
export function parseStreamPath(path: string): StreamPath | { readonly problem: string } {
  const cut = path.lastIndexOf('/');
  const streamName = path.slice(cut + 1);
  const appName = withoutEndSlashes(path.slice(0, Math.max(0, cut)).replace(/^\/+/, ''));
  if (streamName === '') return { problem: 'the URL names no stream; wanted is /APP/STREAM' };
  if (streamName === '.' || streamName === '..' || path.includes('\0') || /(^|\/)\.\.(\/|$)/.test(path)) {
    return { problem: 'a name may not be "." or ".." or contain NUL' };
  }
  const longest = Math.max(appName.length, streamName.length);
  if (longest > MAX_NAME_LENGTH) return { problem: `a name has ${longest} characters; allowed are ${MAX_NAME_LENGTH}` };
  return { appName, streamName };
}

/** The text without slashes at its end. No regular expression: on a long run of slashes that takes the square of the time. */
export function withoutEndSlashes(text: string): string {
  let end = text.length;
  while (text[end - 1] === '/') end--;
  return text.slice(0, end);
}
