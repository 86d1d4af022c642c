/** What the configuration had better not ask for. */
import { apiOptions, type Config, operationsOptions } from '../config/index.ts';
import { isLoopback } from '../net/index.ts';

export interface Warning {
  readonly keys: readonly string[];
  readonly message: string;
}

const OPEN_API = 'the HTTP API listens to other machines and asks for no token: set millrace.api.token';
const OPEN_PROFILES =
  'profiles hold whatever is in memory, and other machines get them without a token: set millrace.api.token';

export function ownWarnings(config: Config): Warning[] {
  const { plain: api, token } = apiOptions(config);
  const { profiles } = operationsOptions(config);
  // without a host it listens at every address
  const ifOpen = (at: typeof api, message: string): Warning[] =>
    token !== '' || at === null || isLoopback(at.addr.host ?? '') ? [] : [{ keys: [at.key], message }];
  return [...ifOpen(api, OPEN_API), ...ifOpen(profiles, OPEN_PROFILES)];
}
