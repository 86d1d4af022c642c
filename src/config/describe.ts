/** Lists every section and key of the configuration with its meaning, for the documentation. */
import { type KeyInfo, keyInfo } from './key.ts';
import { configSchema, keysOf } from './schema.ts';

export interface KeyDescription {
  /** From the file's top, `millrace.limits.idle_timeout_ms`. */
  readonly path: string;
  readonly isSection: boolean;
  readonly info: KeyInfo;
}

/** Every section and key in the order of the schema, a section before its keys. */
export function describeKeys(): KeyDescription[] {
  return describe(configSchema, '');
}

function describe(schema: Parameters<typeof keysOf>[0], prefix: string): KeyDescription[] {
  return [...(keysOf(schema) ?? [])].flatMap(([name, inner]) => {
    const path = `${prefix}${name}`;
    const info = keyInfo.get(inner);
    if (info === undefined) throw new Error(`the key ${path} has no description`);
    return [{ path, isSection: keysOf(inner) !== null, info }, ...describe(inner, `${path}.`)];
  });
}
