/** What publishers and hooks of the program share: what they need of the server, and who they are in it. */
import { parseStreamPath } from '../net/index.ts';
import type { FrameConsumer, Hub, Log, SessionCounter, SessionIdentity } from '../streams/index.ts';

export interface InsideDeps {
  readonly hub: Hub & {
    /** A consumer joins the stream's running publication; null where none runs. */
    tap(streamName: string, consumer: FrameConsumer): (() => void) | null;
  };
  readonly counter: SessionCounter;
  readonly log: Log;
}

/** Not let in, and why. */
export interface Refused {
  readonly ok: false;
  readonly reason: string;
}

/** A session that has no connection, or why the stream's name cannot be one. */
export function insideIdentity(
  baseType: 'PUB' | 'SUB',
  streamName: string,
  appName: string,
  counter: SessionCounter,
): SessionIdentity | Refused {
  const path = parseStreamPath(streamName);
  if ('problem' in path) return { ok: false, reason: path.problem };
  if (path.streamName !== streamName) return { ok: false, reason: 'a stream name may not contain a slash' };
  const prefix = `CUSTOMIZE${baseType}`;
  return {
    ...{ sessionId: `${prefix}${counter.next(prefix)}`, protocol: 'CUSTOMIZE', baseType, remoteAddr: '' },
    ...{ url: `customize://${streamName}`, appName, streamName, urlParam: '' },
  };
}
