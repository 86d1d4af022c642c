/** Pulls a stream from another RTMP server. */
import type { PeerFaults } from '../../net/index.ts';
import type { Log, Publisher, Source, SourceEvents } from '../../streams/index.ts';
import { RtmpClient, type RtmpClientOptions } from './client.ts';
import { RtmpPublish } from './publish.ts';

/** Connects at once. `events` are never called before this returns. */
export function openRtmpSource(
  options: Omit<RtmpClientOptions, 'direction'>,
  events: SourceEvents,
  deps: { readonly log: Log; readonly faults: PeerFaults },
): Source {
  let closed = false;
  const feed: Publisher = {
    id: options.target.url,
    get closed() {
      return closed;
    },
    setTracks: (tracks) => events.onTracks(tracks),
    write: (frame) => events.onFrame(frame),
    close: () => {},
  };
  const media = new RtmpPublish(feed, deps);
  const client = new RtmpClient(
    { ...options, direction: 'play' },
    {
      onReady: () => {},
      onMedia: (message) => media.onMedia(message),
      onBytes: (bytes) => events.onBytes(bytes),
      onClosed: (why) => {
        closed = true;
        events.onClosed(why);
      },
    },
  );
  return {
    get remoteAddr() {
      return client.remoteAddr;
    },
    readBytes: client.bytes.read,
    wroteBytes: client.bytes.wrote,
    close: (why) => client.close(why),
  };
}
