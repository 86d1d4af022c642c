/** What all sessions have moved since the start, those that have ended included: sums that never go back. */
import type { BaseType, GroupSnapshot, Protocol, SessionSnapshot, StopReason } from '../streams/index.ts';

/** Of the sessions of one protocol and kind. */
export interface Totals {
  readonly protocol: Protocol;
  readonly baseType: BaseType;
  /** Of sessions that run now. */
  running: number;
  started: number;
  readBytes: number;
  wroteBytes: number;
  droppedFrames: number;
  lostPackets: number;
  /** Sessions that ended, by reason. */
  readonly ended: Map<StopReason, number>;
}

export class SessionTotals {
  /** Of sessions that have ended. */
  readonly #ended = new Map<string, Totals>();
  /** Kinds that were seen: those without sessions are told of, too. */
  readonly #seen = new Map<string, Pick<Totals, 'protocol' | 'baseType'>>();

  /** A session has ended, and its counters are final. */
  add(session: SessionSnapshot, reason: StopReason): void {
    const totals = this.#of(this.#ended, session);
    count(totals, session);
    totals.ended.set(reason, (totals.ended.get(reason) ?? 0) + 1);
  }

  /** Of the ended ones and of those in these groups. */
  with(groups: readonly GroupSnapshot[]): Totals[] {
    const sums = new Map<string, Totals>();
    for (const [key, kind] of this.#seen) {
      const ended = this.#ended.get(key);
      sums.set(key, ended === undefined ? none(kind) : { ...ended, ended: new Map(ended.ended) });
    }
    for (const session of groups.flatMap(sessionsOf)) {
      const totals = this.#of(sums, session);
      count(totals, session);
      totals.running++;
    }
    return [...sums.values()];
  }

  #of(sums: Map<string, Totals>, { protocol, baseType }: SessionSnapshot): Totals {
    const key = `${protocol} ${baseType}`;
    let totals = sums.get(key);
    if (totals === undefined) {
      totals = none({ protocol, baseType });
      sums.set(key, totals);
      this.#seen.set(key, { protocol, baseType });
    }
    return totals;
  }
}

/** Every session of a group. */
export function sessionsOf({ pub, pull, subs, pushs }: GroupSnapshot): SessionSnapshot[] {
  return [...(pub === null ? [] : [pub]), ...(pull === null ? [] : [pull]), ...subs, ...pushs];
}

function count(totals: Totals, session: SessionSnapshot): void {
  totals.started++;
  totals.readBytes += session.readBytesSum;
  totals.wroteBytes += session.wroteBytesSum;
  totals.droppedFrames += session.droppedFrames;
  totals.lostPackets += session.lostPackets;
}

function none({ protocol, baseType }: Pick<Totals, 'protocol' | 'baseType'>): Totals {
  const sums = { running: 0, started: 0, readBytes: 0, wroteBytes: 0, droppedFrames: 0, lostPackets: 0 };
  return { protocol, baseType, ...sums, ended: new Map() };
}
