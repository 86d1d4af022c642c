export { isLoopback, plainAddress, remoteAddress, withoutZone } from './address.ts';
export { UNCOUNTED } from './allowance.ts';
export { closeGently } from './closing.ts';
export { Complaints } from './complaints.ts';
export { httpTarget, Outbound, type OutboundOptions } from './connect.ts';
export { CORS_HEADERS } from './cors.ts';
export { descriptorShares } from './descriptors.ts';
export { guardDoor, tellOverHttp } from './door.ts';
export { readFileBody } from './file-body.ts';
export { fileNameProblem } from './file-name.ts';
export { HOST_ENTRY, isHostEntry } from './host-list.ts';
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
export {
  checkTlsFiles,
  type ListenAddress,
  type Listener,
  listen,
  SOCKET_OPTIONS,
  type TlsFiles,
  type TlsPem,
} from './listen.ts';
export { type MediaUrl, parseMediaUrl } from './media-url.ts';
export { PacketDump } from './packet-dump.ts';
export { FaultLog, type FaultReason, type FaultyProtocol, type PeerFaults } from './peer-faults.ts';
export { type PeerLimitMemory, type PeerLimitOptions, PeerLimits } from './peer-limits.ts';
export { createRedactor } from './redact.ts';
export { type LimitName, Refusals } from './refusals.ts';
export { RETRY_AFTER, refuseRequest } from './refuse.ts';
export { countBytes, type SocketBytes, settleBytes } from './socket-bytes.ts';
export { parseStreamPath, type StreamPath, withoutEndSlashes } from './stream-path.ts';
export { TcpListener } from './tcp-listener.ts';
export { binaryFrame, overWebSocket } from './websocket.ts';
