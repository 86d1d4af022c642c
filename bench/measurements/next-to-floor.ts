/** The CPU that players cost a server, as a ratio to the floor, which is measured again and again among the servers. */
import { type Cost, measurePlayers, PLAYED } from '../load.ts';
import type { MediaServer } from '../millrace.ts';
import { startBareNode, startFloor } from '../other-servers.ts';
import { atMost } from '../report.ts';
import type { Bench } from './measurement.ts';

/** A stream that reaches its players with less than this part of its bit rate has not reached them. */
const WHOLE = 0.9;
/** Floors of one run that differ by more than this factor make its ratios doubtful. */
const STEADY = 1.25;

interface Measured {
  readonly what: string;
  readonly cost: Cost;
  readonly isServed: boolean;
  /** The ratio that is aimed at. */
  readonly most: number | null;
}

export class NextToFloor {
  readonly #bench: Bench;
  readonly #floors: Measured[] = [];
  readonly #measured: Measured[] = [];

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  /** The floor with one send a tag, to which the ratios are. What a machine does in a second is not always the same. */
  async measureFloor(): Promise<void> {
    const floor = await startFloor(this.#bench.workshop, PLAYED);
    this.#floors.push(await this.#measureAndStop('floor, one send a tag', floor));
  }

  /** What Node.js spends on the same: what is above it is the server's own. */
  async measureBareNode(each: 'picture' | 'tag'): Promise<void> {
    const bare = await startBareNode(this.#bench.workshop, PLAYED, each);
    this.#measured.push(await this.#measureAndStop(`bare Node.js loop, one write a ${each}`, bare));
  }

  async measure(what: string, server: MediaServer, url: string, most: number | null = null): Promise<void> {
    this.#measured.push({ ...(await this.#measure(what, server.pid, url)), most });
  }

  /** Adds a row for each. */
  report(): void {
    const { add } = this.#bench;
    const costs = this.#floors.map(({ cost }) => cost.cpuUsPerPlayerSecond);
    const floor = costs.reduce((sum, cost) => sum + cost, 0) / costs.length;
    const isSound = this.#isSteady(costs) && this.#floors.every(({ isServed }) => isServed);
    const absolute = `${perPlayer(floor)}, mean of ${costs.length}`;
    add({ what: 'floor, one send a tag', ratio: 1, absolute, values: { costs } });
    for (const { what, cost, isServed, most } of this.#measured) {
      const ratio = cost.cpuUsPerPlayerSecond / floor;
      const row = { what, ratio, absolute: perPlayer(cost.cpuUsPerPlayerSecond), values: cost };
      if (most === null) add(row);
      else add({ ...row, aim: isSound && isServed ? atMost(ratio, most) : { ...atMost(ratio, most), isMet: null } });
    }
  }

  #isSteady(costs: readonly number[]): boolean {
    const [least, greatest] = [Math.min(...costs), Math.max(...costs)];
    if (greatest <= least * STEADY) return true;
    this.#bench.note(
      `the floor cost from ${least.toFixed(0)} to ${greatest.toFixed(0)} µs in one run: the ratios are rough`,
    );
    return false;
  }

  async #measureAndStop(what: string, server: MediaServer): Promise<Measured> {
    const measured = await this.#measure(what, server.pid, server.playUrls('')['HTTP-FLV'] ?? '');
    await server.stop();
    return measured;
  }

  async #measure(what: string, pid: number, url: string): Promise<Measured> {
    const { workshop, options, progress } = this.#bench;
    const cost = await measurePlayers(workshop, pid, url, options.players, options.seconds);
    progress(`${what}: ${perPlayer(cost.cpuUsPerPlayerSecond)}`);
    return { what, cost, isServed: checkServed(this.#bench, what, cost), most: null };
  }
}

export function perPlayer(cpuUsPerPlayerSecond: number): string {
  return `${cpuUsPerPlayerSecond.toFixed(0)} µs of CPU per player and second`;
}

/** Whether the players were served: only then a cost counts. Notes where they were not. */
export function checkServed(
  { options, note }: Bench,
  what: string,
  { alive, mbpsPerPlayer }: Cost,
  count = options.players,
): boolean {
  const part = (mbpsPerPlayer * 1e6) / PLAYED.bitsPerSecond;
  if (alive < count) note(`${what}: only ${alive} of ${count} players were there to the end`);
  if (part < WHOLE) note(`${what}: players were sent only ${(part * 100).toFixed(0)} % of the stream`);
  return alive === count && part >= WHOLE;
}
