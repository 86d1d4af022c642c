/** Test helper: reads Prometheus' text format, strictly, and says what is amiss with names by its conventions. */
import assert from 'node:assert/strict';

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"/g;
/** Units that have a base unit which is to be used instead, and such that belong to no name. */
const WRONG_UNITS =
  /_(milliseconds|ms|microseconds|minutes|hours|days|bits|kilobytes|megabytes|kb|mb|percent|kbits)(_|$)/;
const UNITS = ['seconds', 'bytes', 'bytes_per_second', 'frames_per_second'];

/** The families in their order. Fails where the text is not what a scraper takes. */
export function parseMetrics(text: string): Family[] {
  assert.ok(text.endsWith('\n'), 'the text ends with a line break');
  const families = new Map<string, Family & { samples: Sample[] }>();
  let help = { name: '', text: '' };
  let current: (Family & { samples: Sample[] }) | null = null;
  for (const line of text.split('\n')) {
    const [, helpName, helpText] = /^# HELP (\S+) (.+)$/.exec(line) ?? [];
    const [, typeName, type] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? [];
    if (line === '') continue;
    if (helpName !== undefined) help = { name: helpName, text: helpText ?? '' };
    else if (typeName !== undefined && type !== undefined) {
      assert.equal(help.name, typeName, `${typeName} has a help text right before it`);
      assert.ok(!families.has(typeName), `${typeName} is there once`);
      current = { name: typeName, help: help.text, type, samples: [] };
      families.set(typeName, current);
    } else {
      const [, name, labels, value] = /^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      assert.ok(name !== undefined && current !== null, `a sample: ${line}`);
      const plain: string = current.type === 'histogram' ? name.replace(/_(bucket|sum|count)$/, '') : name;
      assert.equal(plain, current.name, `of its family: ${line}`);
      const pairs = [...(labels ?? '').matchAll(LABEL)].map(([, key = '', text = '']) => [key, text] as const);
      assert.equal(pairs.map(([key, text]) => `${key}="${text}"`).join(','), labels ?? '', line);
      assert.ok(value === '+Inf' || Number.isFinite(Number(value)), line);
      current.samples.push({ name, labels: Object.fromEntries(pairs), value: Number(value) });
    }
  }
  return [...families.values()];
}

/** What is amiss with a family, by the conventions that promtool checks. */
export function lint({ name, help, type, samples }: Family): string[] {
  const wrong = (isWrong: boolean, why: string): string[] => (isWrong ? [`${name}: ${why}`] : []);
  const isRate = name.endsWith('_per_second');
  const isInSeconds = /Time|Age|[Pp]ause|[Ww]hen|delay/.test(help);
  const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
  return [
    ...wrong(!/^(millrace|nodejs|process)_[a-z0-9_]+$/.test(name), 'not in snake case, or of no known namespace'),
    ...wrong(help.length < 10 || /[.:]$/.test(help), 'no help text of use'),
    ...wrong((type === 'counter') !== name.endsWith('_total'), 'counters, and only they, end with _total'),
    ...wrong(/_(count|sum|bucket)$/.test(name), 'an ending that histograms have for their own'),
    ...wrong(WRONG_UNITS.test(name), 'not a base unit'),
    ...wrong(new RegExp(`_(${type})(_|$)`).test(name), 'names its type'),
    ...wrong(isInSeconds && !/_seconds(_total)?$/.test(name) && type !== 'counter', 'tells of time and not in seconds'),
    ...wrong(isRate && !UNITS.some((unit) => name.endsWith(`_${unit}`)), 'a rate without a unit'),
    ...wrong(type === 'histogram' && !name.endsWith('_seconds'), 'a histogram without a unit'),
    ...wrong(
      [...labels].some((label) => !/^[a-z_]+$/.test(label)),
      'a label that is not in snake case',
    ),
    ...wrong(
      [...labels].some((label) => name.includes(`_${label}_`) && label !== 'stream' && label !== 'receiver'),
      'names a label',
    ),
  ];
}

/** The value of the one sample with these labels; null where there is none. */
export function sample(
  families: readonly Family[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | null {
  const matching = families
    .flatMap(({ samples }) => samples)
    .filter((each) => each.name === name)
    .filter((each) => Object.entries(labels).every(([key, value]) => each.labels[key] === value));
  assert.ok(matching.length <= 1, `${name} with ${JSON.stringify(labels)} is one sample`);
  return matching[0]?.value ?? null;
}
