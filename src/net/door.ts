/** Lets connections in as far as there is room, and turns the others away before any protocol has seen them. */
import type { Server, Socket } from 'node:net';
import type { Allowance } from './allowance.ts';
import { closeGently } from './closing.ts';
import type { PeerLimits } from './peer-limits.ts';
import { RETRY_AFTER, refuseRequest } from './refuse.ts';

/** What is done with a connection that is not let in. */
type TurnAway = (socket: Socket, reason: string, isOfAddress: boolean) => void;

/** What of the peers' bounds a listener needs. */
export type DoorLimits = Pick<PeerLimits, 'connections' | 'requests' | 'slowReaders'>;

/** Connections that are told why at a time; of more none is told. Each costs a descriptor meanwhile. */
const MAX_TOLD = 64;
/** How long one of those may take to ask for something. Milliseconds. */
const ASK_MS = 2000;
/** Of what it asks, so much is looked at. Bytes. */
const MAX_LOOKED_AT = 4096;
const CSEQ = /^CSeq[ \t]*:[ \t]*(\d{1,10})[ \t]*\r?$/im;

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
  return tellWhoAsks((socket, _, reason, isOfAddress) => {
    const [name, value] = RETRY_AFTER;
    const headers = { Server: serverName, 'Content-Type': 'text/plain; charset=utf-8', [name]: value };
    refuseRequest(socket, isOfAddress ? '429 Too Many Requests' : '503 Service Unavailable', headers, `${reason}\n`);
  });
}

/** For plain RTSP: the first request is answered 503 by its number (RFC 2326 12.17), with the reason for its phrase. */
export function tellOverRtsp(): TurnAway {
  return tellWhoAsks((socket, asked, reason) => {
    const number = CSEQ.exec(asked.toString('latin1', 0, MAX_LOOKED_AT))?.[1];
    if (number === undefined) {
      socket.destroy();
      return;
    }
    socket.write(`RTSP/1.0 503 ${reason}\r\nCSeq: ${number}\r\n${RETRY_AFTER.join(': ')}\r\n\r\n`);
    closeGently(socket);
  });
}

/** Waits a little for what the peer asks, and lets `answer` end the connection; beyond some at a time it is closed at once. */
function tellWhoAsks(answer: (socket: Socket, asked: Buffer, reason: string, isOfAddress: boolean) => void): TurnAway {
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
    socket.once('data', (asked: Buffer) => {
      clearTimeout(timer);
      answer(socket, asked, reason, isOfAddress);
    });
  };
}
