/** Ports for programs that are told theirs beforehand and cannot say which one they took. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the kernel's range for outgoing connections, so that nobody takes the port meanwhile. */
const PORTS = { from: 15_000, to: 32_000 } as const;

/** A port of 127.0.0.1 at which nobody listens now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.from, PORTS.to);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
