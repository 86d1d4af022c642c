/** What is kept of sessions, so that every start has its stop: their byte sums, and the stops that a crash left out. */
import type { Fact, GroupSnapshot, SessionFacts } from '../streams/index.ts';
import type { SessionBytes, SessionChange } from './outbox.ts';

/** What the outbox must keep of the fact; null: nothing. Relay pushes have no events, so they need no stop. */
export function sessionChangeOf(fact: Fact): SessionChange | null {
  if (fact.kind === 'session_start') {
    return fact.session.baseType === 'PUSH' ? null : { kind: 'open', session: fact.session };
  }
  if (fact.kind !== 'session_stop' || fact.session.baseType === 'PUSH') return null;
  return { kind: 'close', sessionId: fact.session.sessionId };
}

/**
 * The stops of sessions that a crash left open, given in the order of their starts: as in an orderly end each stream's
 * publisher goes first and its players follow, one after the other, so that the stream's last stop says that nobody is
 * left.
 */
export function crashStops(left: readonly SessionFacts[], unixMs: number): Fact[] {
  const streams = Map.groupBy(left, ({ streamName }) => streamName);
  return Array.from(streams.values(), (sessions) => {
    const going = [...sessions.filter(isIn), ...sessions.filter((session) => !isIn(session))];
    return going.map((session, i): Fact => {
      const staying = going.slice(i + 1);
      const hasInSession = staying.some(isIn);
      const hasOutSession = staying.length > 0 && !isIn(staying.at(-1) ?? session);
      return {
        kind: 'session_stop',
        unixMs,
        session: { ...session, hasInSession, hasOutSession },
        reason: 'server crashed',
      };
    });
  }).flat();
}

/** Finds the sessions whose byte sums changed since they were looked at last. */
export class ByteSums {
  #last = new Map<string, SessionBytes>();

  changed(groups: readonly GroupSnapshot[]): SessionBytes[] {
    const now = new Map<string, SessionBytes>();
    const changed: SessionBytes[] = [];
    for (const { pub, subs, pull } of groups) {
      for (const session of [pub, pull, ...subs]) {
        if (session === null) continue;
        const { sessionId, readBytesSum, wroteBytesSum } = session;
        const last = this.#last.get(sessionId);
        const isSame = last?.readBytesSum === readBytesSum && last.wroteBytesSum === wroteBytesSum;
        const sums = isSame ? last : { sessionId, readBytesSum, wroteBytesSum };
        now.set(sessionId, sums);
        if (!isSame) changed.push(sums);
      }
    }
    this.#last = now;
    return changed;
  }
}

function isIn({ baseType }: SessionFacts): boolean {
  return baseType === 'PUB' || baseType === 'PULL';
}
