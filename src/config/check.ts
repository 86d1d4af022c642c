/** Checks a configuration that was read from JSON: everything that is wrong with it at once, and what is worth a warning. */
import type { z } from 'zod';
import { createRedactor } from '../net/index.ts';
import { ALLOWED_ADDRESS } from './addr.ts';
import { isJsonObject, missingKeys, unknownKeyWarnings } from './inspect.ts';
import { keyInfo } from './key.ts';
import { allListeners, collisions, type ListenerRow } from './listeners.ts';
import { outboundErrors } from './outbound-check.ts';
import { CONF_VERSION, type Config, configSchema, keysOf, withDerived } from './schema.ts';

type CheckResult =
  | { readonly ok: true; readonly config: Config; readonly warnings: string[] }
  /** Each error names the key's path, what was found and what is allowed. */
  | { readonly ok: false; readonly errors: string[] };

type Path = readonly PropertyKey[];

/** A longer string is cut in messages. Characters. */
const MAX_SHOWN_STRING = 80;
const withoutSecrets = createRedactor([]);

/** Checks any value of JSON against the schema. Never throws. */
export function checkConfig(value: unknown): CheckResult {
  if (!isJsonObject(value)) {
    return { ok: false, errors: [`the configuration: found ${describeFound(value)}, allowed: an object`] };
  }
  const parsed = configSchema.safeParse(value);
  if (parsed.success) {
    const config = withDerived(parsed.data);
    const errors = [...listenerErrors(config, new Set()), ...outboundErrors(config)];
    return errors.length > 0 ? { ok: false, errors } : { ok: true, config, warnings: warningsOf(value, config) };
  }
  const paths = uniquePaths(parsed.error.issues);
  const errors = paths.map((path) => keyError(value, path));
  // what is right is looked at without what is wrong, so that all errors come at once
  const rest = configSchema.safeParse(paths.reduce<unknown>(without, value));
  if (rest.success) {
    const others = withDerived(rest.data);
    errors.push(...listenerErrors(others, new Set(paths.map(pathText))), ...outboundErrors(others));
  }
  return { ok: false, errors };
}

/** Each path once: a value can break several rules. */
function uniquePaths(issues: readonly z.core.$ZodIssue[]): Path[] {
  return [...new Map(issues.map(({ path }) => [pathText(path), path])).values()];
}

/** `relay_push.addr_list[1]` */
function pathText(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}

function keyError(file: unknown, path: Path): string {
  let schema: z.core.$ZodType = configSchema;
  let value: unknown = file;
  let isInside = false;
  for (const part of path) {
    const key = String(part);
    const inner = keysOf(schema)?.get(key);
    isInside = inner === undefined;
    schema = inner ?? schema;
    value =
      typeof value === 'object' && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined;
  }
  const info = keyInfo.get(schema);
  const found = info?.isSecret === true ? describeSecret(value) : describeFound(value);
  const allowed = isInside ? info?.allowedInside : info?.allowed;
  return `${pathText(path)}: found ${found}, allowed: ${allowed ?? 'another value'}`;
}

/** `1935 (number)`, `"x" (string)`, `null`, `a list`, `an object`, `nothing`. */
function describeFound(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value !== 'string') return `${String(value)} (${typeof value})`;
  const told = withoutSecrets(value);
  const isLong = told.length > MAX_SHOWN_STRING;
  return `${JSON.stringify(isLong ? `${told.slice(0, MAX_SHOWN_STRING)}…` : told)} (string)`;
}

function describeSecret(value: unknown): string {
  const isScalar = value !== null && value !== undefined && typeof value !== 'object';
  return isScalar ? `a ${typeof value} that is not shown` : describeFound(value);
}

/** The value without what lies at `path`; a list loses all of its elements with one. */
function without(value: unknown, path: Path): unknown {
  const [first, ...rest] = path;
  if (!isJsonObject(value) || first === undefined) return undefined;
  const key = String(first);
  const others = Object.entries(value).filter(([name]) => name !== key);
  const inner = rest.length === 0 || !Object.hasOwn(value, key) ? undefined : without(value[key], rest);
  return Object.fromEntries(inner === undefined ? others : [...others, [key, inner]]);
}

/** @param wrongKeys keys that an error names already: nothing is said about listeners that hang on them */
function listenerErrors(config: Config, wrongKeys: ReadonlySet<string>): string[] {
  const rows = allListeners(config).filter(({ key }) => !wrongKeys.has(key) && !wrongKeys.has(inheritedKey(key)));
  const errors = new Set<string>();
  for (const row of rows) if (row.role === 'plain' && row.address === null) errors.add(missingAddress(row));
  for (const { loser, winner } of collisions(rows)) {
    if (loser.role === 'plain') errors.add(takenAddress(loser, winner));
  }
  return [...errors];
}

function inheritedKey(key: string): string {
  return `default_http.${key.slice(key.indexOf('.') + 1)}`;
}

function missingAddress({ key, switchKey }: ListenerRow): string {
  const inherited = /\.https?_listen_addr$/.test(key) ? ` (${inheritedKey(key)} has none either)` : '';
  return `${key}: found nothing${inherited}, allowed: ${ALLOWED_ADDRESS}, since ${switchKey} is true`;
}

function takenAddress({ key, address }: ListenerRow, winner: ListenerRow): string {
  const taken = `${winner.key} is ${describeFound(winner.address?.text)}`;
  return `${key}: found ${describeFound(address?.text)}, allowed: a port that is not taken, but ${taken}`;
}

function warningsOf(file: Readonly<Record<string, unknown>>, config: Config): string[] {
  const warnings = unknownKeyWarnings(file);
  if (config.conf_version !== '' && config.conf_version !== CONF_VERSION) {
    warnings.push(`conf_version: found ${describeFound(config.conf_version)}, read as ${CONF_VERSION}`);
  }
  const missing = missingKeys(file);
  if (missing.length > 0) warnings.push(`off, because the configuration does not name them: ${missing.join(', ')}`);
  for (const section of ['httpflv', 'httpts', 'hls'] as const) {
    const named = isJsonObject(file[section]) ? file[section]['url_pattern'] : undefined;
    const used = config[section].url_pattern;
    if (typeof named === 'string' && named !== '' && named !== used) {
      warnings.push(`${section}.url_pattern: found ${describeFound(named)}, read as ${JSON.stringify(used)}`);
    }
  }
  const { rtsp } = file;
  if (config.rtsp.enable && isJsonObject(rtsp) && rtsp['out_wait_key_frame_flag'] === false) {
    warnings.push('rtsp.out_wait_key_frame_flag: found false (boolean), has no effect: players begin at a key frame');
  }
  return [...warnings, ...new Set([...listenerWarnings(config), ...authenticationWarnings(config)])];
}

/** Listeners that will not start, without which the server does. */
function listenerWarnings(config: Config): string[] {
  const rows = allListeners(config);
  const soft = rows.filter(({ role }) => role !== 'plain');
  return [
    ...soft.flatMap((row) => (row.address === null ? [`${missingAddress(row)}; this listener will not start`] : [])),
    ...soft.flatMap(({ key, address, cert, privateKey }) =>
      [cert, privateKey]
        .filter((file) => address !== null && file.key !== '' && file.file === '')
        .map((file) => `${file.key}: found nothing, allowed: a PEM file; ${key} will not start`),
    ),
    ...collisions(rows).map(({ loser, winner }) => `${takenAddress(loser, winner)}; this listener will not start`),
  ];
}

function authenticationWarnings({ simple_auth: auth }: Config): string[] {
  const demanded = Object.entries(auth).find(([key, value]) => key.endsWith('_enable') && value === true);
  if (demanded === undefined || auth.key !== '') return [];
  return [`simple_auth.key: found nothing while simple_auth.${demanded[0]} is true; anybody can compute a lal_secret`];
}
