/** A TCP relay to a real server that stops relaying after so many of the server's bytes, in a way that its test picks. */
import net, { type Socket } from 'node:net';
import { BadServer } from './bad-server.ts';
import type { Scope } from './temp-dir.ts';

/** What becomes of a connection after so many bytes: nothing more comes, it is reset, ended, or garbage follows. */
export type Cut = 'hangs' | 'resets' | 'ends' | 'garbage';

export interface CuttingRelay {
  readonly port: number;
  /** Connections that came so far. */
  connections(): number;
  /** From now on everything is relayed; connections that are there end. */
  mend(): void;
}

/** Relays to `port` of this machine, whose first `bytes` bytes of each connection reach the client. */
export async function startCuttingRelay(scope: Scope, port: number, bytes: number, cut: Cut): Promise<CuttingRelay> {
  const server = await new BadServer((client) => relay(scope, client, port, bytes, cut)).start(scope);
  return {
    port: server.port,
    connections: () => server.connections.all.length,
    mend: () => server.change((client) => relay(scope, client, port, Number.POSITIVE_INFINITY, cut)),
  };
}

function relay(scope: Scope, client: Socket, port: number, bytes: number, cut: Cut): void {
  let left = bytes;
  const upstream = net.connect(port, '127.0.0.1');
  scope.after(() => void upstream.destroy());
  upstream.on('error', () => {});
  client.on('data', (chunk) => void upstream.write(chunk));
  client.on('close', () => upstream.destroy());
  upstream.on('close', () => client.destroySoon());
  upstream.on('data', (chunk: Buffer) => {
    if (left <= 0) return;
    client.write(chunk.subarray(0, left));
    left -= chunk.length;
    if (left <= 0) end(client, cut);
  });
  if (bytes === 0) end(client, cut);
}

function end(client: Socket, cut: Cut): void {
  if (cut === 'resets') client.resetAndDestroy();
  if (cut === 'ends') client.end();
  if (cut === 'garbage') client.write(Buffer.alloc(100_000, 0xa5));
}
