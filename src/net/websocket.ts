/** WebSocket towards players: the handshake by the ws library, frames for many players made once by ourselves. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { OutputFormat } from '../media/index.ts';

/** A player has nothing to say to us beyond control frames. Bytes. */
const MAX_MESSAGE_BYTES = 64 * 1024;

const server = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  maxPayload: MAX_MESSAGE_BYTES,
  clientTracking: false,
  autoPong: false,
});

/** Answers the handshake; a request that is none is answered with 400 and closed. */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  onOpen: (webSocket: WebSocket) => void,
): void {
  server.handleUpgrade(request, socket, head, (webSocket) => {
    webSocket.on('ping', (data) => {
      // a peer that pings but does not read must not pile up answers
      if (socket.writableLength < MAX_MESSAGE_BYTES) webSocket.pong(data);
    });
    onOpen(webSocket);
  });
}

/** The bytes as one unmasked, final, binary frame (RFC 6455 5.2): the same for every player. */
export function binaryFrame(bytes: Buffer): Buffer {
  const { length } = bytes;
  const headerLength = length < 126 ? 2 : length < 65536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(headerLength + length);
  frame[0] = 0x82;
  if (headerLength === 2) frame[1] = length;
  else if (headerLength === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeUInt32BE(Math.floor(length / 2 ** 32), 2);
    frame.writeUInt32BE(length % 2 ** 32, 6);
  }
  bytes.copy(frame, headerLength);
  return frame;
}

/** The format with each write as one WebSocket frame. */
export function overWebSocket(format: OutputFormat): OutputFormat {
  return { ...format, name: `ws-${format.name}`, wrap: binaryFrame };
}
