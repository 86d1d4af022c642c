/** Rounds of comings and goings; after each all leave, and the server is looked at; in the end everything must add up. */
import { setTimeout as after } from 'node:timers/promises';
import { Agent, setGlobalDispatcher } from 'undici';
import { parseMetrics } from '../../src/ops/prometheus.fixture.ts';
import { Random } from '../../test/chaos/random.ts';
import type { Mode } from '../../test/chaos/receiver.ts';
import type { Millrace } from '../../test/support/millrace.ts';
import type { Scope } from '../../test/support/temp-dir.ts';
import { choose } from './activities.ts';
import { judge, type KeptEvent, type Totals, type Verdict } from './book.ts';
import { Guests } from './guests.ts';
import { growthFaults, type Look } from './held.ts';
import { ORIGIN_STREAM, openSite, type Probed, type Site } from './site.ts';

export interface SoakOptions {
  /** The same seed makes the same plan; how far each peer gets with it is chance. */
  readonly seed: number;
  readonly threads: number;
  /** At a time. */
  readonly peers: number;
  /** How long peers come in one round. Milliseconds. */
  readonly roundMs: number;
  /** No round begins after this time. Milliseconds. */
  readonly totalMs: number;
  readonly leastRounds: number;
  /** Told after each round, and of the state before the first. */
  readonly onLook?: (look: Look, faults: number) => void;
}

export interface SoakReport {
  /** Of the server that is watched, the first before anybody came. */
  readonly looks: readonly Look[];
  /** How often each activity was there. */
  readonly counts: ReadonlyMap<string, number>;
  readonly verdict: Verdict;
  /** All of them, those of the verdict included. */
  readonly faults: readonly string[];
}

/** Everything of the server's own that waits for something must be over by then, retries of callbacks included. Milliseconds. */
const QUIET_MS = 120_000;
const ASK_MS = 250;
/** Longer than connections are kept open for another request, by `fetch` and to the receiver. Milliseconds. */
const IDLE_MS = 6500;
/** The receiver's bad days: most are good. */
const MODES: readonly [Mode, ...Mode[]] = ['up', 'up', 'mixed', 'up', 'down', 'up', 'hanging'];
const MODE_MS = { from: 300, to: 2500 } as const;
/** `fetch` keeps connections for no longer than this; the server would for more than a minute. Milliseconds. */
const KEEP_ALIVE_MS = 1000;
const STOP = /^on_(pub|sub|relay_pull)_stop$/;
/** A page of kept events. */
const PAGE = 1000;

export async function runSoak(scope: Scope, options: SoakOptions): Promise<SoakReport> {
  setGlobalDispatcher(new Agent({ keepAliveMaxTimeout: KEEP_ALIVE_MS }));
  const site = await openSite(scope, options.seed, options.threads);
  return new Soak(site, options).run();
}

class Soak {
  readonly #site: Site;
  readonly #options: SoakOptions;
  readonly #guests = new Guests();
  readonly #counts = new Map<string, number>();
  readonly #faults: string[] = [];
  readonly #looks: Look[] = [];

  constructor(site: Site, options: SoakOptions) {
    this.#site = site;
    this.#options = options;
  }

  async run(): Promise<SoakReport> {
    const { totalMs, leastRounds } = this.#options;
    const { watched, origin, target, receiver } = this.#site;
    await receiver.setMode('up');
    await this.#look();
    const until = performance.now() + totalMs;
    for (let round = 0; round < leastRounds || performance.now() < until; round++) {
      await this.#round(round);
      await this.#quiet();
      await this.#look();
    }
    const kept = await keptEvents(watched.server);
    const counted = await countedSessions(watched.server);
    await this.#site.stop();
    const verdict = judge({ accepted: receiver.accepted, kept, guests: this.#guests.all });
    this.#faults.push(...verdict.faults, ...compareTotals(verdict.totals, counted), ...growthFaults(this.#looks));
    for (const { server, leftFiles } of [watched, origin, target].map((each) => ({
      server: each.server,
      leftFiles: each.leftFiles(),
    }))) {
      for (const path of leftFiles) this.#faults.push(`the file ${path} is left`);
      for (const line of server.log.all) {
        if (line.level === 'error' || line.level === 'fatal') this.#faults.push(`logged: ${JSON.stringify(line)}`);
      }
    }
    return { looks: this.#looks, counts: this.#counts, verdict, faults: this.#faults };
  }

  /** So many visitors, each one peer after the other, while the receiver has its moods. */
  async #round(round: number): Promise<void> {
    const { seed, peers, roundMs } = this.#options;
    const until = performance.now() + roundMs;
    const visit = async (visitor: number): Promise<void> => {
      const random = new Random(seed, 'visitor', round, visitor);
      while (performance.now() < until) {
        const { name, activity } = choose(random);
        this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
        try {
          await activity({ site: this.#site, random, guests: this.#guests, round });
        } catch (error) {
          this.#faults.push(`${name}: ${error instanceof Error ? error.stack : String(error)}`);
        }
      }
    };
    const moods = async (): Promise<void> => {
      const random = new Random(seed, 'receiver', round);
      while (performance.now() < until) {
        await this.#site.receiver.setMode(random.pick(MODES));
        await after(random.between(MODE_MS.from, MODE_MS.to));
      }
      await this.#site.receiver.setMode('up');
    };
    await Promise.all([moods(), ...Array.from({ length: peers }, (_, visitor) => visit(visitor))]);
  }

  /** Waits until no server has a group, nor an event that waits. */
  async #quiet(): Promise<void> {
    const { watched, origin, target } = this.#site;
    const until = performance.now() + QUIET_MS;
    for (;;) {
      const left = [
        ...(await groupsOf(watched)),
        ...(await groupsOf(origin)).filter((group) => !group.startsWith(`${ORIGIN_STREAM}: `)),
        ...(await groupsOf(target)),
        ...(await eventsLeft(watched.server)),
      ];
      if (left.length === 0) break;
      if (performance.now() > until) {
        this.#faults.push(...left.map((each) => `${QUIET_MS / 1000} s after all had left: ${each}`));
        break;
      }
      await after(ASK_MS);
    }
    await after(IDLE_MS);
  }

  async #look(): Promise<void> {
    const stops = this.#site.receiver.accepted.filter(({ event }) => STOP.test(event));
    const look = { sessions: new Set(stops.map(({ id }) => id)).size, held: await this.#site.watched.held() };
    this.#looks.push(look);
    this.#options.onLook?.(look, this.#faults.length);
  }
}

/** Name and sessions of each group that is there. */
async function groupsOf({ server }: Probed): Promise<string[]> {
  const { data } = await server.api('/api/stat/all_group');
  const groups = (data?.['groups'] ?? []) as { readonly stream_name: string }[];
  return groups.map((group) => `${group.stream_name}: ${JSON.stringify(group).slice(0, 1500)}`);
}

async function eventsLeft(server: Millrace): Promise<string[]> {
  const { data } = await server.api('/api/notify/status');
  const receivers = (data?.['receivers'] ?? []) as { readonly receiver: string; readonly backlog: number }[];
  const lost = Number(data?.['lost']);
  return [
    ...receivers.flatMap(({ receiver, backlog }) => (backlog > 0 ? [`${backlog} events wait for ${receiver}`] : [])),
    ...(lost > 0 ? [`${lost} events are lost`] : []),
  ];
}

async function keptEvents(server: Millrace): Promise<KeptEvent[]> {
  const kept: KeptEvent[] = [];
  for (;;) {
    const { data } = await server.api(`/api/notify/events?limit=${PAGE}&since=${kept.at(-1)?.seq ?? 0}`);
    const page = (data?.['events'] ?? []) as KeptEvent[];
    if (page.length === 0) return kept;
    kept.push(...page);
  }
}

interface Counted extends Totals {
  open: number;
  started: number;
}

/** What `/metrics` says of all sessions so far, by protocol and kind. */
async function countedSessions(server: Millrace): Promise<Map<string, Counted>> {
  const answer = await fetch(`http://127.0.0.1:${server.port('api')}/metrics`);
  const counted = new Map<string, Counted>();
  for (const { name, labels, value } of parseMetrics(await answer.text()).flatMap(({ samples }) => samples)) {
    const key = `${labels['protocol']} ${labels['base_type']}`;
    const totals = counted.get(key) ?? { open: 0, started: 0, sessions: 0, readBytes: 0, wroteBytes: 0 };
    if (name === 'millrace_sessions') totals.open += value;
    else if (name === 'millrace_sessions_started_total') totals.started += value;
    else if (name === 'millrace_sessions_ended_total') totals.sessions += value;
    else if (name === 'millrace_received_bytes_total') totals.readBytes += value;
    else if (name === 'millrace_sent_bytes_total') totals.wroteBytes += value;
    else continue;
    counted.set(key, totals);
  }
  return counted;
}

/** The sums of all stops are what the server counted; of pushes there are no events. */
function compareTotals(told: ReadonlyMap<string, Totals>, counted: ReadonlyMap<string, Counted>): string[] {
  const faults: string[] = [];
  for (const [key, { open, started, sessions, readBytes, wroteBytes }] of counted) {
    if (open !== 0 || started !== sessions) {
      faults.push(`metrics of ${key}: ${started} sessions started, ${sessions} ended, ${open} are open`);
    }
    if (key.endsWith(' PUSH')) continue;
    const events = told.get(key) ?? { sessions: 0, readBytes: 0, wroteBytes: 0 };
    const [here, there] = [events, { sessions, readBytes, wroteBytes }].map((each) => JSON.stringify(each));
    if (here !== there) faults.push(`${key}: the stops add up to ${here}, the metrics to ${there}`);
  }
  return faults;
}
