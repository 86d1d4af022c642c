/** A connection as a session sees it: plain TCP, TLS, or WebSocket. */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import { binaryFrame, closeGently } from '../../net/index.ts';
import { splitInterleaved } from '../../wire/rtp/index.ts';

export interface Link {
  readonly socket: Socket;
  /** Whether media may go by UDP beside it: not where the connection itself is protected, or is none of RTSP's own. */
  readonly hasUdp: boolean;
  /** Whether the peer may publish. */
  readonly canPublish: boolean;
  /** Sends one message, or one interleaved packet. */
  send(bytes: Buffer): void;
  /** Sends a run of interleaved packets; the same buffer goes to many players. */
  sendPackets(batch: Buffer): void;
  /** Ends the connection once what was sent is on its way. */
  end(): void;
}

/** RTSP's own connection. */
export function socketLink(socket: Socket, isTls: boolean): Link {
  const send = (bytes: Buffer): void => {
    socket.write(bytes);
  };
  return { socket, hasUdp: !isTls, canPublish: true, send, sendPackets: send, end: () => closeGently(socket) };
}

/** The batch that was framed last, for all players who are sent it. */
let framed: { readonly batch: Buffer; readonly frames: Buffer } | null = null;

/** RTSP over WebSocket: one binary frame for each message and packet. */
export function webSocketLink(webSocket: WebSocket, socket: Socket): Link {
  return {
    socket,
    hasUdp: false,
    canPublish: false,
    send: (bytes) => {
      socket.write(binaryFrame(bytes));
    },
    sendPackets: (batch) => {
      if (framed?.batch !== batch) framed = { batch, frames: framePackets(batch) };
      socket.write(framed.frames);
    },
    end: () => {
      webSocket.close(1000);
      closeGently(socket);
    },
  };
}

function framePackets(batch: Buffer): Buffer {
  const frames: Buffer[] = [];
  let from = 0;
  splitInterleaved(batch, (_channel, _start, end) => {
    frames.push(binaryFrame(batch.subarray(from, end)));
    from = end;
  });
  return Buffer.concat(frames);
}
