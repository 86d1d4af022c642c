/** What HLS is told; the configuration's section `hls` is mapped onto it. */

/** What is deleted: nothing; the folder some time after the stream ended; segments as they grow old, and the folder. */
export type Cleanup = 'never' | 'folder' | 'segments';

export interface HlsOptions {
  /** Begins and ends with a slash. */
  readonly urlPattern: string;
  /** Progressive players have the same pattern: of `.ts` paths only those of segments are taken. */
  readonly isPatternShared: boolean;
  /** Folder of the streams' folders. */
  readonly outPath: string;
  /** A segment ends at the first key frame after this. Milliseconds. */
  readonly fragmentDurationMs: number;
  /** Segments in the live playlist. */
  readonly fragmentNum: number;
  /** Segments that are kept behind the live playlist, where old ones are deleted. */
  readonly deleteThreshold: number;
  readonly cleanup: Cleanup;
  /** Nothing touches the disk; what is kept is bounded whatever `cleanup` says. */
  readonly inMemory: boolean;
  /** A viewer who asks for nothing this long is gone. Milliseconds. */
  readonly sessionTimeoutMs: number;
  /** About how long the parts of low-latency HLS are; null: there is none. Milliseconds. */
  readonly partDurationMs: number | null;
  /** Secret of the viewers' session ids; empty: viewers are not told apart. */
  readonly sessionKey: string;
}

/** The longest time that a timer of the runtime can take. Milliseconds. */
const MAX_TIMER_MS = 2_147_483_647;

/** How long after a stream's end what is kept of it goes. Milliseconds. */
export function keepMs({ fragmentDurationMs, fragmentNum, deleteThreshold }: HlsOptions): number {
  return Math.min(MAX_TIMER_MS, fragmentDurationMs * (fragmentNum + deleteThreshold));
}
