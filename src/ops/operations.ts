/** What watches the running server, put together: metrics, readiness, the report in the log, the port for profiles. */
import type { ListenAddress, PeerLimits } from '../net/index.ts';
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
  readonly limits: Pick<PeerLimits, 'refusals' | 'profileConnections' | 'slowReaders'>;
}

export class Operations {
  readonly metrics: Metrics;
  readonly readiness: Readiness;
  /** Null where profiles are off. The server starts without it. */
  readonly profilePort: Port | null;
  readonly #report: GroupReport;
  readonly #profiles: ProfileServer | null;

  constructor(options: OperationsOptions, deps: OperationsDeps) {
    const { log, clock, notifier, groups, limits } = deps;
    const unixMs = (): number => clock.unixMs();
    this.readiness = new Readiness(() => {
      const { inMemory } = notifier.status();
      return options.isOutboxWanted && inMemory !== null ? `events are kept in memory alone: ${inMemory}` : '';
    });
    this.metrics = new Metrics({
      groups,
      refused: () => limits.refusals.counts(),
      unixMs,
      notify: { receivers: () => notifier.admin.status(), counts: () => notifier.status() },
      isReady: () => this.readiness.isReady,
    });
    this.#report = new GroupReport(options.report, { log, groups, unixMs });
    const { profiles, token } = options;
    const metrics = (): ReturnType<Metrics['text']> => this.metrics.text();
    this.#profiles =
      profiles === null
        ? null
        : new ProfileServer({ address: profiles.addr, token, serverName: SERVER_NAME }, { log, metrics, limits });
    this.profilePort = profiles === null || this.#profiles === null ? null : profilePort(profiles, this.#profiles);
  }

  /** What is reported, and what those must bring who ask for profiles, from now on. */
  update({ report, token }: Pick<OperationsOptions, 'report' | 'token'>): void {
    this.#report.update(report);
    this.#profiles?.setToken(token);
  }

  /** Every listener is bound. */
  start(): void {
    this.readiness.phase = 'ready';
    this.metrics.start();
    this.#report.start();
  }

  /** Nobody is let in any more; those who are here go on. */
  drain(): void {
    this.readiness.phase = 'draining';
  }

  /** Listeners are closed, and sessions end. Metrics are still told. */
  stop(): void {
    this.readiness.phase = 'stopping';
    this.metrics.stop();
    this.#report.stop();
  }
}

function profilePort({ addr, key }: NonNullable<OperationsOptions['profiles']>, server: ProfileServer): Port {
  return {
    ...{ name: 'profiles', key, host: addr.host, required: false },
    start: () => server.start(),
    stop: () => server.stop(),
  };
}
