/** What another configuration changes for a running server: the keys that count from now on, and those that need a restart. */
import { isDeepStrictEqual } from 'node:util';
import { describeKeys } from './describe.ts';
import type { Config } from './schema.ts';

export interface ConfigChanges {
  /** What holds then: the keys that need a restart have the running values. */
  readonly config: Config;
  /** Paths of the keys that differ and count from now on. */
  readonly applied: readonly string[];
  /** Paths of the keys that differ from what runs, and go on doing so until a restart. */
  readonly needsRestart: readonly string[];
}

/** Compares key by key. Keys without any effect are left out. */
export function changesOf(running: Config, wanted: Config): ConfigChanges {
  const config = structuredClone(wanted);
  const applied: string[] = [];
  const needsRestart: string[] = [];
  for (const { path, isSection, info } of describeKeys()) {
    if (isSection || info.reload === 'no effect') continue;
    const value = valueAt(running, path);
    if (isDeepStrictEqual(value, valueAt(wanted, path))) continue;
    if (info.reload !== undefined) applied.push(path);
    else {
      needsRestart.push(path);
      setAt(config, path, value);
    }
  }
  return { config, applied, needsRestart };
}

function valueAt(config: object, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => Reflect.get(Object(value), key), config);
}

function setAt(config: object, path: string, value: unknown): void {
  const cut = path.lastIndexOf('.');
  const section = cut === -1 ? config : valueAt(config, path.slice(0, cut));
  Reflect.set(Object(section), path.slice(cut + 1), value);
}
