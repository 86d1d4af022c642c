/** A group as the API's statistics show it: as in callbacks, and what each session's connection cost. */
import { type GroupJson, groupJson } from '../notify/index.ts';
import type { GroupSnapshot, SessionSnapshot } from '../streams/index.ts';

type SessionStatJson = GroupJson['pub'] & {
  readonly dropped_frames: number;
  readonly lost_packets: number;
};
type Sessions = 'pub' | 'subs' | 'pull' | 'pushs';

export type GroupStatJson = Omit<GroupJson, Sessions> & {
  readonly pub: SessionStatJson;
  readonly subs: readonly SessionStatJson[];
  readonly pull: SessionStatJson;
  readonly pushs: readonly SessionStatJson[];
};

/** The original's fields as they are, ours after them. */
export function groupStat(group: GroupSnapshot): GroupStatJson {
  const json = groupJson(group);
  return {
    ...json,
    pub: sessionStat(json.pub, group.pub),
    subs: sessionStats(json.subs, group.subs),
    pull: sessionStat(json.pull, group.pull),
    pushs: sessionStats(json.pushs, group.pushs),
  };
}

/** Both lists in the same order. */
function sessionStats(sessions: GroupJson['subs'], snapshots: readonly SessionSnapshot[]): SessionStatJson[] {
  return sessions.map((json, i) => sessionStat(json, snapshots[i] ?? null));
}

function sessionStat(json: GroupJson['pub'], snapshot: SessionSnapshot | null): SessionStatJson {
  return { ...json, dropped_frames: snapshot?.droppedFrames ?? 0, lost_packets: snapshot?.lostPackets ?? 0 };
}
