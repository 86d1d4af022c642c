/** A connection to another server from which a stream is pulled: what each protocol's client gives, and what relay takes. */
import type { Frame, Tracks } from '../media/index.ts';

/** A source that is being read. */
export interface Source {
  /** `ADDRESS:PORT` of the server, once its media come. */
  readonly remoteAddr: string;
  readBytes(): number;
  wroteBytes(): number;
  /** RTP packets that did not come; absent: it brings none. */
  lostPackets?(): number;
  /** Ends the connection; `onClosed` is called with this reason, unless the source had ended already. */
  close(why: string): void;
}

export interface SourceEvents {
  /** As a publisher's: new or changed, for the frames after it. */
  onTracks(tracks: Tracks): void;
  onFrame(frame: Frame): void;
  /** Bytes as they came from the network. */
  onBytes(bytes: Buffer): void;
  /** The source has ended, or could never be read; once, and nothing follows. */
  onClosed(why: string): void;
}
