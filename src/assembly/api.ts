/** The HTTP API over the server's parts. */
import { type ApiDeps, type ApiServer, CONSOLE_FOLDER, createApiServer } from '../api/index.ts';
import { apiOptions, type Config } from '../config/index.ts';
import type { PeerFaults, PeerLimits } from '../net/index.ts';
import type { Notifier } from '../notify/index.ts';
import { type Operations, SERVER_NAME } from '../ops/index.ts';
import type { Log } from '../streams/index.ts';
import type { Port } from '../threads/index.ts';

export interface ApiParts {
  readonly controls: Omit<ApiDeps, 'notify' | 'operation' | 'lastEventSeq'>;
  readonly notifier: Notifier;
  readonly ops: Operations;
  readonly log: Log;
  readonly faults: PeerFaults;
  readonly limits: PeerLimits;
}

/** Null where it is off. */
export function createApi(config: Config, parts: ApiParts): { server: ApiServer; port: Port } | null {
  const { controls, notifier, ops, log, faults, limits } = parts;
  const { plain, token } = apiOptions(config);
  if (plain === null) return null;
  const server = createApiServer(
    {
      ...controls,
      notify: notifier.admin,
      operation: { metrics: () => ops.metrics.text(), readiness: () => ops.readiness.answer() },
      lastEventSeq: () => notifier.lastSeq,
    },
    { ...plain.addr, serverName: SERVER_NAME, log, faults, limits, token, consoleFolder: CONSOLE_FOLDER },
  );
  // the API answers to the end, so that a receiver may still ask while stops are delivered
  const port: Port = {
    name: 'api',
    key: plain.key,
    host: plain.addr.host,
    required: true,
    start: () => server.listen(),
    stop: () => {},
  };
  return { server, port };
}
