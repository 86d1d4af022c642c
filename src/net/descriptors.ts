/** File descriptors: how many the process may have, how they are divided where nothing else is said, and whether any is left. */
import { close, open, readFileSync } from 'node:fs';
import { devNull } from 'node:os';
import type { Refusals } from './refusals.ts';

/** What stays for files, upstreams, receivers, the API and the runtime, whatever peers take: so many and this part. */
const [RESERVE, RESERVE_PART] = [128, 20];
/** Of the rest one part goes to UDP sockets. */
const UDP_PART = 5;

/** Null where the system does not say, or sets no bound. */
function maxDescriptors(): number | null {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? null : Number(soft);
  } catch {
    return null;
  }
}

export interface DescriptorShares {
  readonly connections: number;
  readonly udpSockets: number;
}

/** For peers, of so many descriptors; at least one of each. Null: 0, which is no bound. */
export function sharesOf(descriptors: number | null): DescriptorShares {
  if (descriptors === null) return { connections: 0, udpSockets: 0 };
  const free = descriptors - RESERVE - Math.floor(descriptors / RESERVE_PART);
  const udpSockets = Math.max(1, Math.floor(free / UDP_PART));
  return { connections: Math.max(1, free - udpSockets), udpSockets };
}

let shares: DescriptorShares | null = null;

/** As the process was started: what is changed later changes nothing here. */
export function descriptorShares(): DescriptorShares {
  shares ??= sharesOf(maxDescriptors());
  return shares;
}

const NONE_LEFT = 'no file descriptor is left: connections that come are closed, and files cannot be opened';

/**
 * Finds out that none is left, of which nobody else hears: the runtime then takes each connection that comes with one that
 * it has kept for this, closes it, and says nothing.
 */
export class DescriptorWatch {
  readonly #refusals: Refusals;
  #isLooking = false;

  constructor(refusals: Refusals) {
    this.#refusals = refusals;
  }

  /** Once a second. */
  look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    open(devNull, (error, descriptor) => {
      this.#isLooking = false;
      if (error === null) close(descriptor);
      else if (error.code === 'EMFILE' || error.code === 'ENFILE') this.#refusals.refused('descriptors', '', NONE_LEFT);
    });
  }
}
