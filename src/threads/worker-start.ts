/** What a player thread is given with its start. */
import type { PeerLimitMemory } from '../net/index.ts';
import type { PlayerOptions } from './ports.ts';

export interface WorkerStart {
  readonly options: PlayerOptions;
  /** Where all threads count what peers have open. */
  readonly limitMemory: PeerLimitMemory;
  /** This thread's place there. */
  readonly place: number;
}
