/** `npm run chaos [-- ROUNDS [SEED]]`: kills the server again and again, and counts what its callbacks lost by it. */
import { randomInt } from 'node:crypto';
import type { FaultKind } from '../test/chaos/invariants.ts';
import { runChaos } from '../test/chaos/run.ts';
import { OrderedScope } from '../test/support/temp-dir.ts';

const ROUNDS = 1000;
/** Rounds between two lines of progress. */
const STEP = 25;
/** Faults that are told one by one. */
const MAX_TOLD = 40;

// at once: what clients of killed servers left behind must not hold the process
process.exit(await main(process.argv.slice(2)));

async function main([roundsText, seedText]: string[]): Promise<number> {
  const rounds = Number(roundsText ?? ROUNDS);
  const seed = Number(seedText ?? randomInt(2 ** 31));
  if (!Number.isSafeInteger(rounds) || rounds < 1 || !Number.isSafeInteger(seed)) {
    console.error('npm run chaos [-- ROUNDS [SEED]]: both are whole numbers');
    return 2;
  }
  console.log(`${rounds} rounds, seed ${seed}`);
  const started = performance.now();
  const scope = new OrderedScope();
  try {
    const report = await runChaos(scope, {
      seed,
      rounds,
      modes: ['up', 'mixed', 'down', 'mixed', 'hanging'],
      onRound: (round) => {
        if ((round + 1) % STEP === 0) console.log(`${round + 1} rounds, ${seconds(started)} s`);
      },
    });
    const count = (kind: FaultKind): number => report.faults.filter((fault) => fault.kind === kind).length;
    const rows: readonly (readonly [string, number])[] = [
      ['rounds', rounds],
      ['ended by kill -9', report.kills],
      ['client sessions', report.sessions],
      ['events found committed after kills', report.committed],
      ['events delivered', report.events],
      ['delivered more than once (same id, same bytes)', report.repeated],
      ['lost', count('lost')],
      ['twice under one id, but not the same', count('changed')],
      ['of nothing that was', count('invented')],
      ['out of order', count('out of order')],
      ['starts without stop', count('start without stop')],
      ['stops without start', count('stop without start')],
      ['session ids used twice', count('id used twice')],
      ['untrue counters, reasons or states', count('untrue')],
    ];
    const width = Math.max(...rows.map(([what]) => what.length));
    for (const [what, number] of rows) console.log(`${what.padEnd(width)}  ${String(number).padStart(8)}`);
    for (const { kind, text } of report.faults.slice(0, MAX_TOLD)) console.log(`${kind}: ${text}`);
    console.log(`${seconds(started)} s; again with: npm run chaos -- ${rounds} ${seed}`);
    return report.faults.length === 0 ? 0 : 1;
  } finally {
    await scope.end();
  }
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1);
}
