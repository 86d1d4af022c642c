/** Compares a configuration with the schema by names alone: keys that are not known, and keys that are not there. */
import { closest, distance } from 'fastest-levenshtein';
import { isComment, keyInfo } from './key.ts';
import { configSchema, keysOf } from './schema.ts';

/** Longer keys are cut before they are compared or shown. Characters. */
const MAX_SHOWN_KEY = 60;
/** Unknown keys that are named; of more, only how many they are: to look for the nearest one takes a while. */
const MAX_NAMED_KEYS = 100;

type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a value of JSON is an object (no list, not null). */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One warning for each unknown key up to a bound; what lies inside it is not looked at. */
export function unknownKeyWarnings(file: JsonObject): string[] {
  const knownPaths = allPaths(configSchema, '');
  const warnings: string[] = [];
  let unnamed = 0;
  const visit = (value: JsonObject, schema: Parameters<typeof keysOf>[0], prefix: string): void => {
    const keys = keysOf(schema);
    if (keys === null) return;
    for (const [key, inner] of Object.entries(value)) {
      if (isComment(key)) continue;
      const known = keys.get(key);
      if (known === undefined && warnings.length >= MAX_NAMED_KEYS) unnamed++;
      else if (known === undefined) {
        const shown = shorten(key);
        const nearest = nearestKey(shown, prefix, [...keys.keys()], knownPaths);
        warnings.push(`${prefix}${shown}: unknown key, ignored; the nearest known one is ${nearest}`);
      } else if (isJsonObject(inner)) visit(inner, known, `${prefix}${key}.`);
    }
  };
  visit(file, configSchema, '');
  if (unnamed > 0) warnings.push(`${unnamed} more unknown keys, ignored`);
  return warnings;
}

/**
 * What is off because the file does not name it: whole sections, switches, and, beside a switch that is on, keys whose
 * missing value turns something off. In the order of the schema.
 */
export function missingKeys(file: JsonObject): string[] {
  const missing: string[] = [];
  for (const [name, section] of keysOf(configSchema) ?? []) {
    const keys = keysOf(section);
    const value = Object.hasOwn(file, name) ? file[name] : undefined;
    if (value === undefined && keyInfo.get(section)?.off !== undefined) missing.push(name);
    if (keys === null || !isJsonObject(value)) continue;
    const switches = [...keys].filter(([, schema]) => keyInfo.get(schema)?.off === 'switch');
    const isOn = switches.length === 0 || switches.some(([key]) => value[key] === true);
    for (const [key, schema] of keys) {
      const off = keyInfo.get(schema)?.off;
      if (!Object.hasOwn(value, key) && (off === 'switch' || (off === 'value' && isOn))) missing.push(`${name}.${key}`);
    }
  }
  return missing;
}

/** A slip of the pen in the same section, the same name in another section, or whatever is nearest. */
function nearestKey(key: string, prefix: string, siblings: readonly string[], paths: readonly string[]): string {
  const sibling = closest(key, siblings);
  if (distance(key.toLowerCase(), sibling) <= Math.max(1, Math.floor(key.length / 3))) return prefix + sibling;
  const elsewhere = paths.find((path) => path.endsWith(`.${key}`));
  return elsewhere ?? closest(prefix + key, paths);
}

function allPaths(schema: Parameters<typeof keysOf>[0], prefix: string): string[] {
  return [...(keysOf(schema) ?? [])].flatMap(([key, inner]) => [
    `${prefix}${key}`,
    ...allPaths(inner, `${prefix}${key}.`),
  ]);
}

function shorten(key: string): string {
  return key.length > MAX_SHOWN_KEY ? `${key.slice(0, MAX_SHOWN_KEY)}…` : key;
}
