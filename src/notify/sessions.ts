/** What is kept of sessions and records, so that every start has its stop: byte sums, and the stops that a crash left out. */
import type { Fact, GroupSnapshot, RecordFacts, SessionFacts } from '../streams/index.ts';
import type { OpenChange, SessionBytes } from './outbox.ts';

/** What the outbox must keep of the fact; null: nothing. Relay pushes have no events, so they need no stop. */
export function openChangeOf(fact: Fact): OpenChange | null {
  switch (fact.kind) {
    case 'session_start':
    case 'session_stop': {
      const { session: facts } = fact;
      const { sessionId: id } = facts;
      if (facts.baseType === 'PUSH') return null;
      if (fact.kind === 'session_stop') return { kind: 'close', of: 'session', id };
      return sessionOpened(facts);
    }
    case 'record_start': {
      const { streamName, appName, format, path, startUnixMs } = fact;
      return recordOpened({ streamName, appName, format, path, startUnixMs });
    }
    case 'record_stop':
      return { kind: 'close', of: 'record', id: recordId(fact) };
    default:
      return null;
  }
}

/** That the session is open. */
export function sessionOpened(facts: SessionFacts): OpenChange {
  return { kind: 'open', of: 'session', id: facts.sessionId, facts };
}

/** That the record's file is being written. */
export function recordOpened(facts: RecordFacts): OpenChange {
  return { kind: 'open', of: 'record', id: recordId(facts), facts };
}

/** A file that somebody has deleted may be followed by another one of its name. */
function recordId({ path, startUnixMs }: RecordFacts): string {
  return `${startUnixMs} ${path}`;
}

/**
 * The stops of sessions that a crash left open, given in the order of their starts: as in an orderly end each stream's
 * publisher goes first and its players follow, one after the other, so that the stream's last stop says that nobody is
 * left. `groups`: who is here now, where that is found out late.
 */
export function crashStops(left: readonly SessionFacts[], unixMs: number, groups: readonly GroupSnapshot[]): Fact[] {
  const streams = Map.groupBy(left, ({ streamName }) => streamName);
  return Array.from(streams, ([name, sessions]) => {
    const now = groups.find(({ streamName }) => streamName === name);
    const isPublished = now !== undefined && (now.pub !== null || now.pull !== null);
    const isWatched = now !== undefined && now.subs.length > 0;
    const going = [...sessions.filter(isIn), ...sessions.filter((session) => !isIn(session))];
    return going.map((session, i): Fact => {
      const staying = going.slice(i + 1);
      const hasInSession = isPublished || staying.some(isIn);
      const hasOutSession = isWatched || (staying.length > 0 && !isIn(staying.at(-1) ?? session));
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
