/** What watches the running server, put together: metrics, readiness, the report in the log, the port for profiles. */
import type { ListenAddress } from '../net/index.ts';
import type { Notifier } from '../notify/index.ts';
import type { Clock, GroupSnapshot, Log } from '../streams/index.ts';
import type { Port } from '../threads/index.ts';
import { GroupReport, type GroupReportOptions } from './group-report.ts';
import { Metrics } from './metrics.ts';
import { ProfileServer } from './profile-server.ts';
import { Readiness } from './readiness.ts';
import { SERVER_NAME } from './version.ts';

export interface OperationsOptions {
  readonly report: GroupReportOptions;
  /** Where profiles are served, and the configuration key that says so; null: nowhere. */
  readonly profiles: { readonly addr: ListenAddress; readonly key: string } | null;
  /** What those must bring who ask for profiles; empty: nothing. */
  readonly token: string;
  /** Whether events are to be kept in a database. */
  readonly isOutboxWanted: boolean;
}

export interface OperationsDeps {
  readonly log: Log;
  readonly clock: Clock;
  readonly notifier: Pick<Notifier, 'admin' | 'status'>;
  groups(): readonly GroupSnapshot[];
}

export class Operations {
  readonly metrics: Metrics;
  readonly readiness: Readiness;
  /** Null where profiles are off. The server starts without it. */
  readonly profilePort: Port | null;
  readonly #report: GroupReport;

  constructor(options: OperationsOptions, deps: OperationsDeps) {
    const { log, clock, notifier, groups } = deps;
    const unixMs = (): number => clock.unixMs();
    this.readiness = new Readiness(() => {
      const { inMemory } = notifier.status();
      return options.isOutboxWanted && inMemory !== null ? `events are kept in memory alone: ${inMemory}` : '';
    });
    this.metrics = new Metrics({
      groups,
      unixMs,
      notify: { receivers: () => notifier.admin.status(), counts: () => notifier.status() },
      isReady: () => this.readiness.isReady,
    });
    this.#report = new GroupReport(options.report, { log, groups, unixMs });
    this.profilePort = profilePort(options, () => this.metrics.text(), log);
  }

  /** Every listener is bound. */
  start(): void {
    this.readiness.phase = 'ready';
    this.metrics.start();
    this.#report.start();
  }

  /** Listeners are closed, and sessions end. Metrics are still told. */
  stop(): void {
    this.readiness.phase = 'stopping';
    this.metrics.stop();
    this.#report.stop();
  }
}

function profilePort(
  { profiles, token }: OperationsOptions,
  metrics: () => ReturnType<Metrics['text']>,
  log: Log,
): Port | null {
  if (profiles === null) return null;
  const { addr, key } = profiles;
  const server = new ProfileServer({ address: addr, token, serverName: SERVER_NAME }, { log, metrics });
  return {
    ...{ name: 'profiles', key, host: addr.host, required: false },
    start: () => server.start(),
    stop: () => server.stop(),
  };
}
