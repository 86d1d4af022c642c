/** A TCP relay between a client and the server that counts the bytes of each direction. */
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import type { Scope } from './temp-dir.ts';
import { withPatience } from './wait-for.ts';

export interface Relay {
  readonly port: number;
  /** Bytes that clients sent, of all connections together. */
  fromClient(): number;
  /** Bytes that the server sent. */
  fromServer(): number;
  /** Resolves when the first connection's server side has ended and all its bytes are counted. */
  serverClosed(): Promise<void>;
}

/** Relays a free port of this machine to `port`, which may be known only once somebody connects. */
export async function startRelay(scope: Scope, port: number | (() => number)): Promise<Relay> {
  let sent = 0;
  let received = 0;
  let closed: (() => void) | undefined;
  const firstClosed = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const sockets = new Set<net.Socket>();
  const server = net.createServer((client) => {
    const upstream = net.connect(typeof port === 'number' ? port : port(), '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
    }
    client.on('data', (chunk) => {
      sent += chunk.length;
    });
    upstream.on('data', (chunk) => {
      received += chunk.length;
    });
    client.pipe(upstream);
    upstream.pipe(client);
    client.on('close', () => upstream.destroySoon());
    upstream.on('close', () => {
      client.destroySoon();
      closed?.();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    port: (server.address() as AddressInfo).port,
    fromClient: () => sent,
    fromServer: () => received,
    serverClosed: () => withPatience(firstClosed, () => 'the server did not close the relayed connection'),
  };
}
