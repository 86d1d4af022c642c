/** The machine that a run is made on, and what else it does meanwhile. */
import { availableParallelism, cpus, release } from 'node:os';
import { machineCpuSeconds, ownCpuSeconds } from './processes.ts';

/** Others that use more than this many cores are told of. */
const QUIET_CORES = 0.1;

export function describeMachine(): string {
  return `${cpus()[0]?.model ?? 'unknown CPU'}, ${availableParallelism()} cores, Linux ${release()}, Node.js ${process.version}`;
}

/** Watches, from its making on, what other programs than this run's use of the machine. */
export class Neighbours {
  readonly #startedAt = performance.now();
  readonly #before = machineCpuSeconds() - ownCpuSeconds();

  /** CPU seconds a second that others have used. Ask when the run's own children have ended. */
  cores(): number {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    return Math.max(0, (machineCpuSeconds() - ownCpuSeconds() - this.#before) / seconds);
  }

  /** A sentence for the reader of the figures; null where the machine was quiet. */
  note(): string | null {
    const cores = this.cores();
    if (cores <= QUIET_CORES) return null;
    return `measured on a busy machine: other programs used ${cores.toFixed(1)} cores meanwhile`;
  }
}
