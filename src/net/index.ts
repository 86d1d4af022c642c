export { remoteAddress } from './address.ts';
export { closeGently } from './closing.ts';
export { connectTo } from './connect.ts';
export { CORS_HEADERS } from './cors.ts';
export { readFileBody } from './file-body.ts';
export { fileNameProblem } from './file-name.ts';
export {
  type AnswerRoute,
  type FileBody,
  type HttpAnswer,
  type HttpRequestFacts,
  PLAYLIST_TYPE,
  textAnswer,
} from './http-answer.ts';
export {
  HttpListener,
  type HttpListenerOptions,
  type HttpRoute,
  type PlayRequest,
} from './http-listener.ts';
export { type ListenAddress, type Listener, listen, readTlsFiles, SOCKET_OPTIONS, type TlsFiles } from './listen.ts';
export { type MediaUrl, parseMediaUrl } from './media-url.ts';
export { PacketDump } from './packet-dump.ts';
export { refuseRequest } from './refuse.ts';
export { countBytes, type SocketBytes, settleBytes } from './socket-bytes.ts';
export { parseStreamPath, type StreamPath, withoutEndSlashes } from './stream-path.ts';
export { binaryFrame, overWebSocket } from './websocket.ts';
