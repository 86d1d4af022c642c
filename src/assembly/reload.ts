/** Reading the configuration again while the server runs: all that can be said against it first, then all parts at once. */
import type { ReloadResult } from '../api/index.ts';
import { type Config, changesOf } from '../config/index.ts';
import type { Log } from '../streams/index.ts';
import type { PlayerOptions } from '../threads/index.ts';
import { renewCertificates } from './certificates.ts';
import { playerOptions } from './players.ts';

/** A configuration, or all that is wrong with it. */
export type ReadConfig =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly errors: readonly string[] };

export interface ReloadDeps {
  readonly log: Log;
  /** Throws an Error where the configuration cannot be used. @returns what puts it to use, and cannot fail */
  prepare(config: Config): (players: PlayerOptions) => void;
  /** Whether the listener with this key is open. */
  isOpen(key: string): boolean;
}

export class Reloader {
  /** What holds now. */
  config: Config;
  /** What is worth a warning in it. */
  warnings: readonly string[];
  /** The ports' options, with the certificates that are served. */
  #players: PlayerOptions;
  readonly #deps: ReloadDeps;

  constructor(config: Config, warnings: readonly string[], players: PlayerOptions, deps: ReloadDeps) {
    this.config = config;
    this.warnings = warnings;
    this.#players = players;
    this.#deps = deps;
  }

  /** Takes the configuration that was read, or says what is wrong with it. */
  reload(read: ReadConfig): ReloadResult {
    if (!read.ok) return this.#refused(read.errors);
    const { config, applied, needsRestart } = changesOf(this.config, read.config);
    let use: (players: PlayerOptions) => void;
    try {
      use = this.#deps.prepare(config);
    } catch (error) {
      return this.#refused([error instanceof Error ? error.message : String(error)]);
    }
    const next = playerOptions(config);
    const { options, renewed, problems } = renewCertificates(this.#players, next, (key) => this.#deps.isOpen(key));
    const warnings = read.warnings.filter((warning) => !this.warnings.includes(warning));
    this.#players = options;
    this.config = config;
    this.warnings = read.warnings;
    use(options);
    const { log } = this.#deps;
    for (const warning of warnings) log.warn({}, warning);
    log.info({ applied, needsRestart, certificates: renewed }, 'the configuration was reloaded');
    if (needsRestart.length > 0) log.warn({ keys: needsRestart }, 'the new values of these keys need a restart');
    if (problems.length > 0) log.error({ problems }, 'a certificate cannot be used; the one before stays');
    return { ok: true, applied, needsRestart, certificates: renewed, problems };
  }

  #refused(errors: readonly string[]): ReloadResult {
    this.#deps.log.error({ errors }, 'the configuration cannot be used; nothing was changed');
    return { ok: false, errors };
  }
}
