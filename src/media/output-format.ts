/** How frames become the bytes of one output format. The hub knows no format by name; each is an OutputFormat. */
import type { Frame } from './frame.ts';
import type { Tracks } from './track.ts';

/** One stream in one format. Made when the format's first subscriber comes, gone when the last one leaves. */
export interface Muxer {
  /**
   * What a newcomer gets who is to start at the next frame written: metadata and sequence headers (FLV, RTMP), or the
   * last PAT and PMT again (TS). Empty where there is nothing to say.
   */
  header(): Buffer;
  /** The publication's tracks changed: the bytes that running subscribers need before the next frame, or empty. */
  setTracks(tracks: Tracks): Buffer;
  /** The frame's bytes, each frame once; empty where the format cannot carry it. */
  write(frame: Frame): Buffer;
}

export interface OutputFormat {
  /** Unique; keys the stream's fan-outs, e.g. `flv`, `ws-flv`, `ts`, `rtmp`. */
  readonly name: string;
  /** What opens every connection, before any publisher is known or needed (the FLV file header); may be empty. */
  preamble(tracks: Tracks): Buffer;
  createMuxer(tracks: Tracks): Muxer;
  /** Framing around all that is written in one go (a WebSocket frame); absent: none. */
  readonly wrap?: (bytes: Buffer) => Buffer;
  /** Whether this codec can be carried; what cannot is left out of write(). */
  carries(codec: string): boolean;
}

export const NO_BYTES: Buffer = Buffer.alloc(0);
