/** The server's metrics, as far as they tell of what it refused, left out or lost. */

export interface Loss {
  /** What is counted, in the metric's own words. */
  readonly what: string;
  /** Of which kind, by the metric's labels; empty: there is one kind. */
  readonly of: string;
  /** Since the server started. */
  readonly count: number;
}

const NAME = /(refused|rejected|dropped|lost|failures)\w*_total$/;

/** All counters of that kind that are not 0. */
export function lossesOf(text: string): Loss[] {
  const helps = new Map<string, string>();
  const losses: Loss[] = [];
  for (const line of text.split('\n')) {
    const [, helped = '', help = ''] = /^# HELP (\w+) (.*)$/.exec(line) ?? [];
    if (helped !== '') helps.set(helped, help);
    const [, name = '', labels = '', value = ''] = /^(\w+)(?:\{(.*)\})? ([\d.e+]+)$/.exec(line) ?? [];
    const count = Number(value);
    if (!NAME.test(name) || count === 0) continue;
    const values = [...labels.matchAll(/\w+="((?:[^"\\]|\\.)*)"/g)].map(([, each = '']) => each);
    losses.push({ what: helps.get(name) ?? name, of: values.join(', '), count });
  }
  return losses;
}
