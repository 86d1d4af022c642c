export {
  basicCredentials,
  type Challenge,
  type Credentials,
  type DigestAlgorithm,
  digestAlgorithm,
  digestResponse,
  parseChallenge,
  parseCredentials,
  serializeDigest,
} from './auth.ts';
export { RtspError, type RtspErrorReason } from './error.ts';
export { Headers } from './headers.ts';
export {
  type InterleavedPacket,
  RTSP_VERSION,
  type RtspMessage,
  type RtspRequest,
  type RtspResponse,
  request,
  response,
  serializeInterleaved,
  serializeMessage,
} from './message.ts';
export { MAX_BODY_BYTES, RtspReader } from './reader.ts';
export {
  parseSdp,
  type SdpMedia,
  type SessionDescription,
  sdpAttribute,
  sdpEncodingName,
  sdpRtpMedia,
  serializeLiveSdp,
} from './sdp.ts';
export { parseTransports, serializeTransport, type Transport } from './transport.ts';
