/** Parameters of our own endpoints: strict, from query or JSON alike, and refused with the name and what is allowed. */
import { z } from 'zod';
import { type Answer, REFUSALS } from './answer.ts';

/** A wrong value is quoted up to this length. Characters. */
const MAX_QUOTED = 80;

/** An object of these parameters and no others: a filter that is misspelt must not be a filter that is left out. */
export function ownParams<T extends z.ZodRawShape>(shape: T) {
  const known = Object.keys(shape).join(', ');
  const allowed = known === '' ? 'there are no parameters' : `allowed are ${known}`;
  return z.preprocess(
    withoutEmpty,
    z.strictObject(shape, {
      error: (issue) =>
        issue.code === 'unrecognized_keys' ? `${issue.keys[0]} is not known here, ${allowed}` : NO_OBJECT,
    }),
  );
}

const NO_OBJECT = 'the body is no JSON object';

/** An integer, in a query as its digits. */
export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  const error = `an integer from ${min} to ${max}`;
  return z.preprocess(
    (value) => (typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value),
    z.int({ error }).min(min, { error }).max(max, { error }),
  );
}

/** One of these words. */
export function oneOf<const T extends readonly string[]>(words: T) {
  return z.enum(words, { error: `one of ${words.join(', ')}` });
}

/** The refusal that names the first parameter that is wrong. */
export function wrongParam(error: z.ZodError, params: unknown): Answer {
  const issue = error.issues[0];
  const { error_code, desp } = REFUSALS.paramMissing;
  return { error_code, desp: issue === undefined ? desp : `${desp}: ${sentence(issue, params)}` };
}

/** Rules over several parameters have no path and are a sentence already. */
function sentence(issue: z.core.$ZodIssue, params: unknown): string {
  const [name] = issue.path;
  if (name === undefined) return issue.message;
  const given = new Map(Object.entries(params ?? {})).get(String(name));
  return `${String(name)} must be ${issue.message}, not ${quote(given)}`;
}

function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? 'left out';
  return text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text;
}

/** `?state=` and `"state": null` say the same as nothing at all. */
function withoutEmpty(params: unknown): unknown {
  if (typeof params !== 'object' || params === null) return params;
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== '' && value !== null));
}
