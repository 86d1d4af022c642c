/** Where a stream is published to and played from, for the page's own players and for other programs. */
import { quoted } from './shell.ts';
import type { Listener, ServerInfo } from './types.ts';

export interface StreamName {
  readonly app: string;
  readonly name: string;
  /** What stands behind `?`, such as a secret; may be empty. */
  readonly query: string;
}

export const PLAY_KINDS = ['WebSocket-FLV', 'HTTP-FLV', 'LL-HLS', 'HLS'] as const;
export type PlayKind = (typeof PLAY_KINDS)[number];

export interface Place {
  readonly label: string;
  /** What is copied. */
  readonly text: string;
}

/** What this page can play itself, by the listeners that are open to it. */
export function pageUrls(info: ServerInfo, stream: StreamName): Map<PlayKind, string> {
  const isSecure = location.protocol === 'https:';
  const urls = new Map<PlayKind, string>();
  for (const listener of info.listeners) {
    if (listener.scheme !== (isSecure ? 'https' : 'http')) continue;
    if (listener.protocol === 'FLV') {
      urls.set('HTTP-FLV', httpUrl(listener, stream, '.flv'));
      urls.set('WebSocket-FLV', webSocketUrl(httpUrl(listener, stream, '.flv')));
    } else if (listener.protocol === 'HLS') {
      urls.set('HLS', httpUrl(listener, stream, '.m3u8'));
      if (info.features.low_latency_hls) urls.set('LL-HLS', httpUrl(listener, stream, '/ll.m3u8'));
    }
  }
  return urls;
}

/** Every way to play, one line each. */
export function playPlaces(info: ServerInfo, stream: StreamName): Place[] {
  return info.listeners.flatMap((listener): Place[] => {
    const { protocol, scheme } = listener;
    const over = scheme.endsWith('s') && scheme !== 'ws' ? ' over TLS' : '';
    if (protocol === 'RTMP') return [{ label: `RTMP${over}`, text: plainUrl(listener, stream) }];
    if (protocol === 'RTSP') {
      const label = scheme === 'ws' ? 'RTSP over WebSocket' : `RTSP${over}`;
      return [{ label, text: encodedUrl(listener, stream) }];
    }
    if (protocol === 'HLS') {
      const lowLatency = { label: `LL-HLS${over}`, text: httpUrl(listener, stream, '/ll.m3u8') };
      const places = [{ label: `HLS${over}`, text: httpUrl(listener, stream, '.m3u8') }];
      return info.features.low_latency_hls ? [...places, lowLatency] : places;
    }
    const url = httpUrl(listener, stream, protocol === 'FLV' ? '.flv' : '.ts');
    return [
      { label: `HTTP-${protocol}${over}`, text: url },
      { label: `WebSocket-${protocol}${over}`, text: webSocketUrl(url) },
    ];
  });
}

/** Commands that play. */
export function playCommands(info: ServerInfo, stream: StreamName): Place[] {
  const [first] = playPlaces(info, stream);
  if (first === undefined) return [];
  const url = quoted(first.text);
  return [
    { label: 'VLC', text: `vlc ${url}` },
    { label: 'ffplay', text: `ffplay ${url}` },
  ];
}

/** Every way to publish: what is typed into OBS, and commands for ffmpeg. */
export function publishPlaces(info: ServerInfo, stream: StreamName): Place[] {
  const places: Place[] = [];
  const rtmp = info.listeners.find(({ protocol }) => protocol === 'RTMP');
  if (rtmp !== undefined) {
    const url = quoted(plainUrl(rtmp, stream));
    places.push(
      { label: 'OBS: server', text: `${rtmp.scheme}://${location.hostname}:${rtmp.port}/${stream.app}` },
      { label: 'OBS: stream key', text: withQuery(stream.name, stream.query) },
      { label: 'ffmpeg: a file', text: `ffmpeg -re -i FILE -c copy -f flv ${url}` },
      { label: 'ffmpeg: a test picture', text: `${TEST_PICTURE} -f flv ${url}` },
    );
  }
  const rtsp = info.listeners.find(({ protocol, scheme }) => protocol === 'RTSP' && scheme !== 'ws');
  if (rtsp !== undefined) {
    const url = quoted(encodedUrl(rtsp, stream));
    places.push({ label: 'ffmpeg: RTSP', text: `ffmpeg -re -i FILE -c copy -f rtsp -rtsp_transport tcp ${url}` });
  }
  return places;
}

const TEST_PICTURE =
  'ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=25 -f lavfi -i sine=frequency=440 ' +
  '-c:v libx264 -preset veryfast -tune zerolatency -g 50 -pix_fmt yuv420p -c:a aac';

/** Names on RTMP are taken as they stand. */
function plainUrl({ scheme, port }: Listener, { app, name, query }: StreamName): string {
  return withQuery(`${scheme}://${location.hostname}:${port}/${app}/${name}`, query);
}

function encodedUrl({ scheme, port }: Listener, { app, name, query }: StreamName): string {
  return withQuery(`${scheme}://${location.hostname}:${port}/${encodedPath(app)}/${encodeURIComponent(name)}`, query);
}

function httpUrl(listener: Listener, { app, name, query }: StreamName, ending: string): string {
  const { scheme, port, url_pattern: pattern, protocol } = listener;
  const folder = pattern === '/' && protocol !== 'HLS' ? `/${encodedPath(app)}/` : pattern;
  return withQuery(`${scheme}://${location.hostname}:${port}${folder}${encodeURIComponent(name)}${ending}`, query);
}

function webSocketUrl(url: string): string {
  return url.replace(/^http/, 'ws');
}

function encodedPath(app: string): string {
  return app.split('/').map(encodeURIComponent).join('/');
}

function withQuery(url: string, query: string): string {
  return query === '' ? url : `${url}?${query}`;
}
