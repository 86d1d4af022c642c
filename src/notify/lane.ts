/** One lane of one receiver: the window of its events that is held, and its state. */
import { DueHeap } from './due-heap.ts';
import type { WaitingEvent } from './outbox.ts';

/**
 * `ready`: can be taken; `loading`: its next events come from the store; `blocked`: the first event waits for
 * another; `parked`: for its retry; `uncommitted`: for its commit; `latent`: not known yet whether the store has
 * earlier events of the lane.
 */
export type LaneState = 'ready' | 'taken' | 'loading' | 'blocked' | 'parked' | 'uncommitted' | 'latent';

export interface Lane {
  readonly key: string;
  readonly receiver: ReceiverLanes;
  state: LaneState;
  /** Held and not settled, in order; those before `head` are gone already. */
  events: WaitingEvent[];
  head: number;
  /** Events of the run that is out and not settled. */
  taken: number;
  /** Further events, from this number on, are in the store or in `uncommitted`; null: there are none. */
  tailFrom: number | null;
  /** The last of the further events: those that are not in the store yet. */
  uncommitted: WaitingEvent[];
  /** The store may have others from this number on, which came into it behind the lane's back: to be looked for at its end. */
  again: number | null;
}

export interface ReceiverLanes {
  readonly name: string;
  readonly lanes: Map<string, Lane>;
  readonly ready: Set<Lane>;
  readonly parked: DueHeap<Lane>;
  /** Events not settled, those in the store included. */
  waiting: number;
  /** Lanes that are blocked or latent. */
  idle: number;
  /** The store may have events of unknown lanes from this number on, also while it is looked through; null: all lanes are known. */
  scanFrom: number | null;
  scanning: boolean;
  /** More came into the store while it was looked through: a lane may begin before what was seen of it. */
  isScanStale: boolean;
}

export function newReceiver(name: string): ReceiverLanes {
  return {
    name,
    lanes: new Map(),
    ready: new Set(),
    parked: new DueHeap(),
    waiting: 0,
    idle: 0,
    scanFrom: null,
    scanning: false,
    isScanStale: false,
  };
}

export function newLane(receiver: ReceiverLanes, key: string, state: LaneState): Lane {
  const lane: Lane = {
    key,
    receiver,
    state: 'ready',
    events: [],
    head: 0,
    taken: 0,
    tailFrom: null,
    uncommitted: [],
    again: null,
  };
  receiver.lanes.set(key, lane);
  setState(lane, state);
  return lane;
}

export function setState(lane: Lane, state: LaneState): void {
  lane.receiver.idle += Number(isIdle(state)) - Number(isIdle(lane.state));
  lane.state = state;
}

/** The lane's events that are not in the store, which are all that it has beyond those held. */
export function takeUncommitted(lane: Lane): WaitingEvent[] {
  const { uncommitted } = lane;
  lane.uncommitted = [];
  lane.tailFrom = null;
  return uncommitted;
}

/** From where on the store, opened late, may have events before those held, which what comes now comes after; null: nowhere. */
export function earlierFrom({ receiver: { scanFrom }, events, head }: Lane): number | null {
  const first = events[head];
  return scanFrom !== null && first !== undefined && scanFrom < first.seq ? scanFrom : null;
}

function isIdle(state: LaneState): boolean {
  return state === 'blocked' || state === 'latent';
}
