/** Rounds of a real server, its clients and a bad receiver, each ended by `kill -9` at a random moment; then the verdict. */
import { setTimeout as after } from 'node:timers/promises';
import type { Millrace } from '../support/millrace.ts';
import { OrderedScope, type Scope } from '../support/temp-dir.ts';
import { withPatience } from '../support/wait-for.ts';
import { OutboxReader } from './committed.ts';
import { Count } from './count.ts';
import { type ClientSession, Crowd } from './crowd.ts';
import type { Committed, Life } from './history.ts';
import { judge, type Verdict } from './invariants.ts';
import { Random } from './random.ts';
import { type ChaosReceiver, type Mode, startChaosReceiver } from './receiver.ts';
import { Site } from './site.ts';

export interface ChaosOptions {
  /** The same seed makes the same plan; how far each process gets with it is chance. */
  readonly seed: number;
  readonly rounds: number;
  readonly modes: readonly [Mode, ...Mode[]];
  /** Told after each round. */
  readonly onRound?: (round: number) => void;
}

export interface ChaosReport extends Verdict {
  readonly seed: number;
  readonly kills: number;
  /** What clients tried. */
  readonly sessions: number;
  /** Events found in the outbox after kills. */
  readonly committed: number;
  readonly deliveries: number;
}

/** What ends a round. */
type Trigger =
  /** So long after the process was started: while it starts, most often. */
  | { readonly kind: 'time'; readonly ms: number }
  /** So many things that clients did. */
  | { readonly kind: 'actions'; readonly count: number }
  /** So many callbacks that the receiver got, or else so many actions. */
  | { readonly kind: 'callbacks'; readonly count: number; readonly actions: number };

/** Short, so that a round has seen retries before it ends. */
const NOTIFY = { timeout_ms: 250 };
/** So many hands that move clients side by side. */
const CROWDS = 3;
/** One round of so many ends in order. */
const STOPPED_ROUNDS = 6;
/** After its trigger a round goes on for as long as this at most: the commit groups' length, and more. Milliseconds. */
const JITTER_MS = 20;
/** How often a server is started and stopped to deliver the rest. */
const DRAIN_TRIES = 5;

/** Runs the rounds, then lets a healthy receiver have the rest, and judges. */
export async function runChaos(scope: Scope, options: ChaosOptions): Promise<ChaosReport> {
  const receiver = await startChaosReceiver(scope, options.seed);
  const chaos = new Chaos(scope, receiver, options);
  for (let round = 0; round < options.rounds; round++) {
    await chaos.round(round);
    options.onRound?.(round);
  }
  await chaos.drain();
  return chaos.report();
}

class Chaos {
  readonly #options: ChaosOptions;
  readonly #receiver: ChaosReceiver;
  readonly #site: Site;
  readonly #outbox: OutboxReader;
  readonly #sessions = new Map<string, ClientSession>();
  readonly #committed: Committed[] = [];
  readonly #lives: Life[] = [];

  constructor(scope: Scope, receiver: ChaosReceiver, options: ChaosOptions) {
    this.#options = options;
    this.#receiver = receiver;
    this.#site = new Site(scope, { http_notify: receiver.config(), millrace: { notify: NOTIFY } });
    this.#outbox = new OutboxReader(this.#site.outbox);
  }

  async round(round: number): Promise<void> {
    const random = new Random(this.#options.seed, 'round', round);
    const { modes } = this.#options;
    const isStopped = random.between(1, STOPPED_ROUNDS) === 1;
    // a server that is to stop in order waits for a dead receiver longer than a round may last
    const mode = isStopped ? 'up' : (modes[round % modes.length] ?? modes[0]);
    await this.#receiver.setMode(mode);
    const trigger = drawTrigger(random, isStopped);
    await this.#live(async (server) => {
      const crowds = new CrowdsOfLife(this.#lives.length, server, this.#options.seed, this.#sessions);
      const running = crowds.run();
      const pulled = this.#pulled(trigger, crowds);
      await Promise.race([pulled, running.then(() => pulled)]);
      await after(random.between(0, JITTER_MS));
      if (isStopped) await crowds.settle();
      crowds.isDoomed = true;
      await (isStopped ? server.stop() : server.kill());
      crowds.end();
      // whoever still waits for this line waits in vain, and would hold up the end of the test
      server.log.add({ level: 'info', msg: 'ended by us', ready: true });
      await withPatience(running, () => `round ${round}: clients did not end with their server`);
      return isStopped ? 'stopped' : 'killed';
    });
  }

  /** Starts and stops servers until one has nothing left to deliver. */
  async drain(): Promise<void> {
    await this.#receiver.setMode('up');
    let log = '';
    for (let tries = 0; tries < DRAIN_TRIES; tries++) {
      let isDone = false;
      await this.#live(async (server) => {
        await server.ready();
        await server.api('/api/stat/lal_info');
        await server.stop();
        isDone = !server.log.all.some((line) => Number(line['undelivered'] ?? 0) > 0);
        log = server.logText();
        return 'stopped';
      });
      if (isDone) return;
    }
    throw new Error(`something is still not delivered after ${DRAIN_TRIES} servers; the last one's log:\n${log}`);
  }

  report(): ChaosReport {
    const { deliveries } = this.#receiver;
    const verdict = judge({
      deliveries,
      sessions: this.#sessions,
      committed: this.#committed,
      lives: this.#lives,
    });
    return {
      ...verdict,
      seed: this.#options.seed,
      kills: this.#lives.filter(({ end }) => end === 'killed').length,
      sessions: this.#sessions.size,
      committed: this.#committed.length,
      deliveries: deliveries.length,
    };
  }

  /** One server process, from its start to its end. */
  async #live(use: (server: Millrace) => Promise<Life['end']>): Promise<void> {
    const scope = new OrderedScope();
    this.#receiver.life = this.#lives.length;
    const server = this.#site.launch(scope);
    try {
      const end = await use(server);
      const ids = server.log.all.flatMap(({ session }) => (typeof session === 'string' ? [session] : []));
      this.#lives.push({ end, sessionIds: new Set(ids) });
      this.#committed.push(...this.#outbox.readNew());
    } finally {
      await scope.end();
    }
  }

  /** Resolves when the round is to end. */
  async #pulled(trigger: Trigger, crowds: CrowdsOfLife): Promise<void> {
    if (trigger.kind === 'time') return after(trigger.ms);
    const { delivered } = this.#receiver;
    const enough =
      trigger.kind === 'actions'
        ? crowds.actions.reached(trigger.count)
        : Promise.race([delivered.reached(delivered.value + trigger.count), crowds.actions.reached(trigger.actions)]);
    await withPatience(enough, () => `the round did not come to its end: ${JSON.stringify(trigger)}`);
  }
}

function drawTrigger(random: Random, isStopped: boolean): Trigger {
  const drawn = random.next();
  if (drawn < 0.15 && !isStopped) return { kind: 'time', ms: random.between(50, 800) };
  if (drawn < 0.6) return { kind: 'actions', count: random.between(1, 120) };
  return { kind: 'callbacks', count: random.between(1, 60), actions: 150 };
}

/** The clients of one server process. */
class CrowdsOfLife {
  /** What clients did. */
  readonly actions = new Count();
  readonly #server: Millrace;
  readonly #makeCrowds: () => Crowd[];
  #crowds: readonly Crowd[] = [];
  #running: readonly Promise<void>[] = [];
  /** The server is about to end, by our hand. */
  isDoomed = false;

  constructor(life: number, server: Millrace, seed: number, sessions: Map<string, ClientSession>) {
    this.#server = server;
    this.#makeCrowds = () => {
      const ports = { rtmp: server.port('rtmp'), http: server.port('http') };
      const onSession = (session: ClientSession): void => void sessions.set(session.token, session);
      const options = { life, ports, onSession, onAction: () => this.actions.add() };
      return Array.from({ length: CROWDS }, (_, i) => new Crowd(`${life}-${i}`, new Random(seed, life, i), options));
    };
  }

  /** Waits for the server, then acts until `end`; ends early where the server is killed before it is ready. */
  async run(): Promise<void> {
    try {
      await this.#server.ready();
    } catch (error) {
      if (this.isDoomed) return;
      throw error;
    }
    if (this.isDoomed) return;
    this.#crowds = this.#makeCrowds();
    this.#running = this.#crowds.map((crowd) => crowd.run());
    await Promise.all(this.#running);
    for (const crowd of this.#crowds) crowd.leave();
  }

  /** No more is begun, and what was begun is done; the clients stay. */
  async settle(): Promise<void> {
    for (const crowd of this.#crowds) crowd.end();
    await Promise.all(this.#running);
  }

  end(): void {
    for (const crowd of this.#crowds) crowd.end();
  }
}
