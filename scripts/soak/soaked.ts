/** What every activity of a soak is given, and what they share. */
import type { Socket } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import type { Random } from '../../test/chaos/random.ts';
import { OrderedScope, type Scope } from '../../test/support/temp-dir.ts';
import type { Guests } from './guests.ts';
import type { Site } from './site.ts';

export interface Soaked {
  readonly site: Site;
  readonly random: Random;
  readonly guests: Guests;
  /** The number of the round; names are made of it. */
  readonly round: number;
}

/** One peer, from its coming to its end. */
export type Activity = (soaked: Soaked) => Promise<void>;

/** Few, so that publishers and players meet, and publishers take each other's places. */
const STREAMS = ['a', 'b', 'c', 'd'] as const;
/** One in so many asks for a stream that nobody else asks for: nothing may be kept by its name. */
const ALONE_EVERY = 6;
/** How long a peer stays. Milliseconds. */
const LEAST_MS = 300;
const MOST_MS = 6000;

export function streamOf({ random, round }: Soaked): string {
  if (random.between(1, ALONE_EVERY) > 1) return random.pick(STREAMS);
  return `alone-${round}-${random.between(0, 1e6)}`;
}

export function stay({ random }: Soaked): Promise<void> {
  return after(random.between(LEAST_MS, MOST_MS));
}

export function isHeads({ random }: Soaked): boolean {
  return random.next() < 0.5;
}

/** Ends a connection in order, or as a machine does that is gone and says so (RST). */
export function drop(socket: Socket, isReset: boolean): void {
  // a reset of a socket that is being ended never completes (Node.js 26), and then the process never ends
  if (isReset && socket.writable) socket.resetAndDestroy();
  else socket.destroy();
}

/** With a scope of its own, that ends whatever the peer started. */
export async function scoped(work: (scope: Scope) => Promise<void>): Promise<void> {
  const scope = new OrderedScope();
  try {
    await work(scope);
  } finally {
    await scope.end();
  }
}
