/** Which stream an RTMP client means: from connect's app and tcUrl, and the stream key. */
import type { Socket } from 'node:net';
import { parseStreamPath, withoutEndSlashes } from '../../net/index.ts';

export interface RtmpUrl {
  /** `rtmp://HOST[:PORT]/APP/STREAM?QUERY` as the client asked for it. */
  readonly url: string;
  readonly appName: string;
  readonly streamName: string;
  readonly urlParam: string;
}

/**
 * The path is the app, a slash, and the key up to its `?`, cut at its last slash. Some encoders put the query on the app
 * instead: it counts where the key has none. A client that sends no tcUrl gets one made of the address that it called.
 */
export function parseRtmpUrl(
  tcUrl: string,
  app: string,
  key: string,
  socket: Pick<Socket, 'localAddress' | 'localPort'>,
): RtmpUrl | { readonly problem: string } {
  const [appPath = '', appQuery = ''] = cutQuery(app);
  const [keyPath = '', keyQuery = ''] = cutQuery(key);
  const path = parseStreamPath(`${appPath}/${keyPath}`);
  if ('problem' in path) return path;
  const base = tcUrl === '' ? `rtmp://${socket.localAddress ?? ''}:${socket.localPort ?? 0}/${app}` : tcUrl;
  return { url: `${withoutEndSlashes(base)}/${key}`, ...path, urlParam: keyQuery === '' ? appQuery : keyQuery };
}

function cutQuery(text: string): [string, string] {
  const mark = text.indexOf('?');
  return mark === -1 ? [text, ''] : [text.slice(0, mark), text.slice(mark + 1)];
}
