/** What a program gives `createServer`, and the check of it: the same messages as for the configuration file. */
import type { AdmissionFunctions } from '../admission/index.ts';
import { type Config, type ConfigFile, checkConfig, loadConfig } from '../config/index.ts';
import type { Log } from '../streams/index.ts';
import type { EventHandler } from './events.ts';

export interface ServerOptions {
  /**
   * What a configuration file holds, or the path of one. Parts that it does not name are off. Its section `log` means
   * nothing here: the log is `log`.
   */
  readonly config: ConfigFile | string;
  /** Gets what the server logs; absent: nobody does. */
  readonly log?: Log;
  /**
   * Told of every event of HTTP Notify, whether or not its URL is configured. An event comes once the function has
   * resolved for the one before it of the same stream. Where it throws, that is logged, and the event is not handed to it again.
   */
  readonly onEvent?: EventHandler;
  /** Asked last: about those whom the configuration's ways of admission let in. */
  readonly admission?: AdmissionFunctions;
}

/** The configuration cannot be used. */
export class ConfigError extends Error {
  /** Each names the key, what was found and what is allowed. */
  readonly errors: readonly string[];

  constructor(errors: readonly string[]) {
    super(`the configuration cannot be used:\n  ${errors.join('\n  ')}`);
    this.name = 'ConfigError';
    this.errors = errors;
  }
}

/** Reads and checks it. Never throws. */
export function checkedConfig(config: ConfigFile | string): ReturnType<typeof checkConfig> {
  return typeof config === 'string' ? loadConfig({ file: config, cwd: process.cwd() }) : checkConfig(config);
}

/** @throws ConfigError that names all that is wrong with it */
export function readConfig(config: ConfigFile | string): { readonly config: Config; readonly warnings: string[] } {
  const result = checkedConfig(config);
  if (!result.ok) throw new ConfigError(result.errors);
  return result;
}

/** @throws TypeError where something is of another type than it must be */
export function checkOptions({ log, onEvent, admission }: ServerOptions): void {
  if (onEvent !== undefined) checkFunction('onEvent', onEvent);
  if (admission?.publish !== undefined) checkFunction('admission.publish', admission.publish);
  if (admission?.play !== undefined) checkFunction('admission.play', admission.play);
  if (log === undefined) return;
  for (const level of ['debug', 'info', 'warn', 'error'] as const) checkFunction(`log.${level}`, log[level]);
}

function checkFunction(name: string, value: unknown): void {
  if (typeof value !== 'function') throw wrong(name, value, 'a function');
}

/** A number of the options, or what stands for it where it is left out. @throws TypeError */
export function whole(name: string, value: number | undefined, whenMissing: number, min: number, max: number): number {
  const number = value ?? whenMissing;
  if (Number.isInteger(number) && number >= min && number <= max) return number;
  throw wrong(name, value, `an integer from ${min} to ${max}`);
}

/** In the words of the configuration's errors. */
export function wrong(name: string, value: unknown, allowed: string): TypeError {
  const found = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return new TypeError(`${name}: found ${found} (${typeof value}), allowed: ${allowed}`);
}
