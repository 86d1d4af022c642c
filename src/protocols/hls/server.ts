/** HLS as a part of the server: takes publications on one side, answers viewers on the other. */
import type { AnswerRoute, PeerFaults, Refusals } from '../../net/index.ts';
import type { Admission, Clock, ConsumerFactory, Hub, Ledger, Log, SessionCounter } from '../../streams/index.ts';
import { FirstPlaylists } from './first-playlists.ts';
import type { HlsOptions } from './options.ts';
import { HlsRoute } from './route.ts';
import { Sessions } from './sessions.ts';
import type { HlsWatch } from './stream.ts';
import { StreamTable } from './stream-table.ts';

const SWEEP_MS = 1000;

export interface HlsDeps {
  readonly hub: Pick<Hub, 'subscribe'>;
  readonly counter: SessionCounter;
  readonly admission: Admission;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly log: Log;
  readonly faults: PeerFaults;
  /** Absent: nobody counts. */
  readonly refusals?: Refusals;
  /** The process's working folder, which relative paths are relative to. */
  readonly cwd: string;
  /** Absent: nobody counts. */
  readonly watch?: HlsWatch;
  /** The app name of a stream's group; empty where there is none. */
  readonly groupAppName: (streamName: string) => string;
}

export class HlsServer {
  /** For the hub, in this order. */
  readonly consumers: readonly ConsumerFactory[];
  /** For the HTTP listeners. */
  readonly route: AnswerRoute;
  readonly #streams: StreamTable;
  readonly #sessions: Sessions | null;
  #sweeper: NodeJS.Timeout | null = null;

  constructor(options: HlsOptions, deps: HlsDeps) {
    const waiting = new FirstPlaylists();
    const onChange = (streamName: string): void => waiting.wake(streamName);
    const streams = new StreamTable(options, { ...deps, onChange });
    const { sessionKey: key } = options;
    this.#sessions =
      key === ''
        ? null
        : new Sessions({ key, ...sessionTimes(options) }, deps, ({ streamName }) => waiting.wake(streamName));
    this.#streams = streams;
    this.consumers = [
      (publication) => streams.begin(publication),
      (publication) => streams.beginLowLatency(publication),
    ];
    this.route = new HlsRoute(options, { ...deps, streams, sessions: this.#sessions }, waiting);
  }

  /** For streams that begin from now on; time-outs of viewers count for all. Paths and the sessions' key stay as they are. */
  update(options: HlsOptions): void {
    this.#streams.update(options);
    this.#sessions?.update(sessionTimes(options));
  }

  /** Starts the once-a-second round of time-outs, and looks for what an earlier process was to delete. */
  start(): void {
    const sessions = this.#sessions;
    void this.#streams.start();
    if (sessions === null) return;
    this.#sweeper = setInterval(() => sessions.sweep(), SWEEP_MS);
    this.#sweeper.unref();
  }

  /** Resolves when what was published is complete on the disk. Publications and sessions are the hub's to end. */
  async stop(): Promise<void> {
    if (this.#sweeper !== null) clearInterval(this.#sweeper);
    await this.#streams.stop();
  }
}

function sessionTimes({ sessionTimeoutMs, fragmentDurationMs }: HlsOptions) {
  return { timeoutMs: sessionTimeoutMs, bitrateWindowSec: Math.max(1, Math.round(fragmentDurationMs / 100)) };
}
