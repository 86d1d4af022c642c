/** The table of a run, for a document, and its JSON file. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One measured figure. */
export interface Row {
  readonly what: string;
  /** Of what `ratioTo` says; null: the figure stands for itself. */
  readonly ratio: number | null;
  readonly ratioTo?: string;
  /** In words and units. */
  readonly absolute: string;
  readonly aim?: Aim;
  /** What was measured, for the JSON file. */
  readonly values: object;
}

/** What the figure should be. */
export interface Aim {
  readonly text: string;
  /** Null: what was measured cannot tell. */
  readonly isMet: boolean | null;
}

export function atMost(value: number, most: number, unit = ''): Aim {
  return { text: `at most ${most}${unit}`, isMet: value <= most };
}

export function under(value: number, bound: number, unit: string): Aim {
  return { text: `under ${bound}${unit}`, isMet: value < bound };
}

export function atLeast(value: number, least: number): Aim {
  return { text: `at least ${least.toLocaleString('en')}`, isMet: value >= least };
}

/** What one run found. */
export interface Run {
  readonly date: Date;
  /** One sentence. */
  readonly machine: string;
  readonly options: object;
  readonly rows: readonly Row[];
  /** What was left out, and what a reader of the figures must know. */
  readonly notes: readonly string[];
}

/** A Markdown table and what belongs under it. */
export function toMarkdown({ date, machine, rows, notes }: Run): string {
  const lines = rows.map(({ what, ratio, ratioTo, absolute, aim }) => {
    const aimed = aim === undefined ? '' : `${aim.text}: ${verdict(aim)}`;
    const ratioText = ratio === null ? '' : `${ratio.toFixed(2)}${ratioTo === undefined ? '' : ` of ${ratioTo}`}`;
    return `| ${what} | ${ratioText} | ${absolute} | ${aimed} |`;
  });
  return [
    '| | ratio | absolute | aim |',
    '| --- | --- | --- | --- |',
    ...lines,
    '',
    `${machine}, ${date.toISOString().slice(0, 10)}.`,
    ...(notes.length === 0 ? [] : ['', ...notes.map((note) => `- ${note}`)]),
  ].join('\n');
}

function verdict({ isMet }: Aim): string {
  if (isMet === null) return 'not judged';
  return isMet ? 'met' : 'missed';
}

/** Writes the run beside earlier ones; gives the file. */
export function writeResults(run: Run): string {
  const folder = join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${run.date.toISOString().replace(/[:.]/g, '-')}.json`);
  writeFileSync(file, `${JSON.stringify(run, null, 2)}\n`);
  return file;
}
