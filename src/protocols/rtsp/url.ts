/** RTSP URLs: which stream a request means, and which medium of it. */
import { parseStreamPath, withoutEndSlashes } from '../../net/index.ts';

export interface RtspStreamUrl {
  /** As the client asked for it, without a name and password in it. */
  readonly url: string;
  readonly appName: string;
  readonly streamName: string;
  readonly urlParam: string;
}

/** `rtsp://HOST[:PORT]` with an optional name and password, then path and query. */
const URL_PARTS = /^(rtsps?|rtspu|wss?):\/\/(?:([^/?#]*)@)?([^/?#@]*)([^?#]*)(?:\?([^#]*))?/i;

/** The stream of a request line's URL, which may end in a slash, or a path alone. The reason where it names none. */
export function parseStreamUrl(url: string): RtspStreamUrl | { readonly problem: string } {
  const parts = URL_PARTS.exec(url);
  const rest = parts === null ? /^([^?#]*)(?:\?([^#]*))?/.exec(url) : null;
  const path = parts?.[4] ?? rest?.[1] ?? '';
  const found = parseStreamPath(decode(withoutEndSlashes(path)));
  if ('problem' in found) return found;
  const user = parts?.[2];
  return {
    url: user === undefined ? url : url.replace(`${user}@`, ''),
    ...found,
    urlParam: parts?.[5] ?? rest?.[2] ?? '',
  };
}

/** A URL that a medium's control is appended to, and the control at its end, by whatever rule the client joined them. */
export function splitTrackUrl(url: string): { readonly url: string; readonly track: number } | null {
  const match = /\/trackID=(\d{1,3})(?=$|[/?#])/.exec(url);
  if (match === null) return null;
  return { url: url.slice(0, match.index) + url.slice(match.index + match[0].length), track: Number(match[1]) };
}

/** The base of the controls in our description: the client's own URL, its path ending in a slash. */
export function contentBase(url: string): string {
  const mark = url.indexOf('?');
  const path = mark === -1 ? url : url.slice(0, mark);
  return `${withoutEndSlashes(path)}/${mark === -1 ? '' : url.slice(mark)}`;
}

/** Whether a request's URL names the medium of this control: alone, or behind a stream's URL, before or behind a query. */
export function namesControl(url: string, control: string): boolean {
  if (url === control) return true;
  const at = url.lastIndexOf(`/${control}`);
  return at !== -1 && /^($|[/?#])/.test(url.slice(at + 1 + control.length));
}

/** The URL of a medium whose control stands in a description with this base (RFC 2326 C.1.1). */
export function controlUrl(base: string, control: string | null): string {
  if (control === null || control === '' || control === '*') return base;
  if (/^rtsps?:\/\//i.test(control)) return control;
  return `${base}${base.endsWith('/') || control.startsWith('/') ? '' : '/'}${control}`;
}

/** Percent-decoding; what is not well-formed is taken as it stands. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
