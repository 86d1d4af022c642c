export { remoteAddress } from './address.ts';
export { closeGently } from './closing.ts';
export {
  CORS_HEADERS,
  HttpListener,
  type HttpListenerOptions,
  type HttpRoute,
  type PlayRequest,
} from './http-listener.ts';
export { type ListenAddress, type Listener, listen, readTlsFiles, SOCKET_OPTIONS, type TlsFiles } from './listen.ts';
export { refuseRequest } from './refuse.ts';
export { countBytes, type SocketBytes, settleBytes } from './socket-bytes.ts';
export { parseStreamPath, type StreamPath } from './stream-path.ts';
export { overWebSocket } from './websocket.ts';
