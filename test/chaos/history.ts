/** What a chaos run saw: what clients asked for, what was committed, what was delivered, how each server process ended. */
import type { ClientSession } from './crowd.ts';
import type { Delivery } from './receiver.ts';

/** An event that was found in the outbox after a crash. */
export interface Committed {
  readonly seq: number;
  readonly id: string;
  readonly body: string;
}

/** One server process. */
export interface Life {
  readonly end: 'killed' | 'stopped';
  /** The ids that its log names. */
  readonly sessionIds: ReadonlySet<string>;
}

export interface History {
  /** In order of arrival. */
  readonly deliveries: readonly Delivery[];
  /** By token. */
  readonly sessions: ReadonlyMap<string, ClientSession>;
  readonly committed: readonly Committed[];
  readonly lives: readonly Life[];
}
