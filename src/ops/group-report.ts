/** A report of the groups in the log, every so often. */
import type { GroupSnapshot, Log, SessionSnapshot } from '../streams/index.ts';
import { framesPerSec } from './stream-rates.ts';

export interface GroupReportOptions {
  /** Between two reports; 0: there are none. Seconds. */
  readonly intervalSec: number;
  /** Groups that a report has a line of. */
  readonly maxGroups: number;
  /** Players of a group that its line names. */
  readonly maxPlayers: number;
}

export interface GroupReportDeps {
  readonly log: Log;
  groups(): readonly GroupSnapshot[];
  /** Milliseconds since 1970. */
  unixMs(): number;
}

export class GroupReport {
  #options: GroupReportOptions;
  readonly #deps: GroupReportDeps;
  #ticker: NodeJS.Timeout | null = null;
  #isStarted = false;

  constructor(options: GroupReportOptions, deps: GroupReportDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  start(): void {
    this.#isStarted = true;
    const { intervalSec } = this.#options;
    if (intervalSec === 0) return;
    this.#ticker = setInterval(() => this.write(), intervalSec * 1000);
    this.#ticker.unref();
  }

  /** The time to the next report begins anew where its length changes. */
  update(options: GroupReportOptions): void {
    const isSameInterval = options.intervalSec === this.#options.intervalSec;
    this.#options = options;
    if (!this.#isStarted || isSameInterval) return;
    this.stop();
    this.start();
  }

  stop(): void {
    this.#isStarted = false;
    if (this.#ticker !== null) clearInterval(this.#ticker);
    this.#ticker = null;
  }

  /** One report: a line for all, then one for each group, with the level of the original's. */
  write(): void {
    const { maxGroups, maxPlayers } = this.#options;
    const { log, unixMs } = this.#deps;
    const groups = this.#deps.groups();
    const published = groups.filter(({ pub, pull }) => pub !== null || pull !== null).length;
    const players = groups.reduce((sum, { subs }) => sum + subs.length, 0);
    log.debug({ groups: groups.length, published, players }, 'group report');
    for (const group of groups.slice(0, maxGroups)) {
      const { streamName: stream, appName: app, pub, pull, subs, pushs } = group;
      const { videoCodec, audioCodec, videoWidth, videoHeight } = group;
      const source = pub ?? pull;
      log.debug(
        {
          ...{ stream, app, videoCodec, audioCodec, videoWidth, videoHeight },
          framesPerSec: framesPerSec(group, unixMs()),
          source: source === null ? null : sessionFields(source),
          ...{ players: subs.length, named: subs.slice(0, maxPlayers).map(sessionFields) },
          pushes: pushs.map(sessionFields),
        },
        'group report: one group',
      );
    }
  }
}

function sessionFields(session: SessionSnapshot): object {
  return {
    session: session.sessionId,
    peer: session.remoteAddr,
    readKbits: session.readBitrateKbits,
    writeKbits: session.writeBitrateKbits,
    droppedFrames: session.droppedFrames,
  };
}
