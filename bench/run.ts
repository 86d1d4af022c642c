/** `npm run bench`: makes the measurements that are asked for, one after the other, and reports them in one table. */
import { type CommandLine, readCommandLine } from './command-line.ts';
import { describeMachine, Neighbours } from './machine.ts';
import { MEASUREMENTS } from './measurements/index.ts';
import { Workshop } from './processes.ts';
import { type Row, type Run, toMarkdown, writeResults } from './report.ts';

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let commandLine: ReturnType<typeof readCommandLine>;
  try {
    commandLine = readCommandLine(args);
  } catch (error) {
    console.error(`bench: ${message(error)} (--help says more)`);
    return 2;
  }
  if ('help' in commandLine) {
    console.log(commandLine.help);
    return 0;
  }
  const { run, failed } = await measure(commandLine);
  if (run.rows.length > 0) {
    console.log(`\n${toMarkdown(run)}\n`);
    console.log(`written to ${writeResults(run)}`);
  }
  return failed ? 1 : 0;
}

/** One measurement that fails does not keep the others from being made. */
async function measure({ names, options }: CommandLine): Promise<{ run: Run; failed: boolean }> {
  const workshop = new Workshop();
  const neighbours = new Neighbours();
  const rows: Row[] = [];
  const notes = new Set<string>();
  let failed = false;
  for (const name of names) {
    console.error(`${name}: ${MEASUREMENTS[name].summary}`);
    const failures: unknown[] = [];
    try {
      await MEASUREMENTS[name].measure({
        workshop,
        options,
        add: (row) => {
          rows.push(row);
          const ratio = row.ratio === null ? '' : `${row.ratio.toFixed(2)}; `;
          console.error(`  ${row.what}: ${ratio}${row.absolute}`);
        },
        progress: (text) => console.error(`  ${text}`),
        note: (text) => notes.add(text),
      });
    } catch (error) {
      failures.push(error);
    }
    failures.push(...(await workshop.stopAll()));
    for (const failure of failures) {
      notes.add(`${name}: failed: ${message(failure)}`);
      console.error(`  failed: ${message(failure)}`);
    }
    failed ||= failures.length > 0;
  }
  const busy = neighbours.note();
  if (busy !== null) notes.add(busy);
  const machine = describeMachine();
  return { run: { date: new Date(), machine, options, rows, notes: Array.from(notes) }, failed };
}

function message(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}\n${error.cause.message}` : error.message;
}
