/** A server whose configuration file a test writes anew and has read again. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { Webhook } from 'standardwebhooks';
import { type ApiAnswer, type Config, Millrace, startProcess, writeConfig } from './millrace.ts';
import type { Callback } from './receiver.ts';
import { OrderedScope, type Scope, tempDir } from './temp-dir.ts';

export interface Reloadable {
  readonly server: Millrace;
  readonly folder: string;
  /** Writes this over the file and has it read. */
  reload(config: Config): Promise<ApiAnswer>;
  /** Only writes it. */
  write(config: Config): void;
  /** Text that need be no configuration. */
  writeText(text: string): void;
}

/** Starts it and waits until it listens. Its scope's end stops it. */
export async function startReloadable(scope: Scope, config: Config): Promise<Reloadable> {
  const own = new OrderedScope();
  scope.after(() => own.end());
  const file = writeConfig(own, config);
  const folder = tempDir(own);
  const server = new Millrace(startProcess(own, ['-c', file, '-p', folder]));
  own.after(() => server.stop());
  await server.ready();
  const write = (next: Config): void => copyFileSync(writeConfig(own, next), file);
  return {
    ...{ server, folder, write },
    writeText: (text) => writeFileSync(file, text),
    reload: (next) => {
      write(next);
      return server.api('/api/server/reload', {});
    },
  };
}

export const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
export const OTHER_SECRET = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;

/** Fails unless the callback is signed with this secret. */
export function assertSigned({ raw, headers }: Callback, secret: string): void {
  new Webhook(secret).verify(raw, headers as Record<string, string>);
}
