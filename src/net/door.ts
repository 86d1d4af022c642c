/** Lets connections in as far as there is room, and turns the others away before any protocol has seen them. */
import type { Server, Socket } from 'node:net';
import type { Allowance } from './allowance.ts';
import type { PeerLimits } from './peer-limits.ts';
import { RETRY_AFTER, refuseRequest } from './refuse.ts';

/** What is done with a connection that is not let in. */
type TurnAway = (socket: Socket, reason: string, isOfAddress: boolean) => void;

/** What of the peers' bounds a listener needs. */
export type DoorLimits = Pick<PeerLimits, 'connections' | 'slowReaders'>;

/** Connections that are told why at a time; of more none is told. Each costs a descriptor meanwhile. */
const MAX_TOLD = 64;
/** How long one of those may take to ask for something. Milliseconds. */
const ASK_MS = 2000;

/**
 * Puts itself before what the server does with connections, so that none that is turned away costs more than its socket.
 * To be called when the server is complete and before it listens.
 */
export function guardDoor(server: Server, connections: Allowance, turnAway: TurnAway = close): void {
  const handlers = server.listeners('connection');
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    const taken = connections.take(socket.remoteAddress ?? '');
    if (!taken.ok) {
      turnAway(socket, taken.reason, taken.limit.endsWith('_per_address'));
      return;
    }
    socket.once('close', taken.release);
    for (const handler of handlers) Reflect.apply(handler, server, [socket]);
  });
}

/** Who has not said anything can be told nothing: what the peer speaks is not known yet, or costs more than it is worth. */
function close(socket: Socket): void {
  socket.destroy();
}

/** For plain HTTP: the first request is answered, unread: 503, or 429 where the peer's own address has too many. */
export function tellOverHttp(serverName: string): TurnAway {
  let told = 0;
  return (socket, reason, isOfAddress) => {
    if (told >= MAX_TOLD) {
      socket.destroy();
      return;
    }
    told++;
    const timer = setTimeout(() => socket.destroy(), ASK_MS);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      clearTimeout(timer);
      told--;
    });
    socket.once('data', () => {
      clearTimeout(timer);
      const [name, value] = RETRY_AFTER;
      const headers = { Server: serverName, 'Content-Type': 'text/plain; charset=utf-8', [name]: value };
      refuseRequest(socket, isOfAddress ? '429 Too Many Requests' : '503 Service Unavailable', headers, `${reason}\n`);
    });
  };
}
