/** The RTMP wire protocol, sans-IO: handshake, chunk stream, messages, commands, and the format of RTMP players. */
export { AcknowledgementWindow } from './acknowledgement-window.ts';
export type { ChunkReaderOptions } from './chunk-reader.ts';
export { ChunkReader } from './chunk-reader.ts';
export { ChunkWriter } from './chunk-writer.ts';
export {
  command,
  connectResult,
  createStreamResult,
  errorResult,
  onFcPublish,
  onFcUnpublish,
  onStatus,
  result,
  rtmpSampleAccess,
} from './commands/answers.ts';
export type { Status } from './commands/client.ts';
export {
  connectRequest,
  createStreamRequest,
  deleteStreamRequest,
  parseCreateStreamResult,
  parseStatus,
  playRequest,
  publishRequest,
  streamNameRequest,
} from './commands/client.ts';
export type { ConnectRequest, Parsed, PauseRequest, PlayRequest, PublishRequest } from './commands/requests.ts';
export {
  knowsCodec,
  parseConnect,
  parsePlay,
  parsePublish,
  parseStreamName,
} from './commands/requests.ts';
export type { RtmpErrorReason } from './error.ts';
export { RtmpError } from './error.ts';
export type { HandshakeStep } from './handshake.ts';
export { ClientHandshake, ServerHandshake } from './handshake.ts';
export type { AggregateMessage, MediaMessage } from './messages/aggregate.ts';
export type { AudioMessage } from './messages/audio.ts';
export type { CommandMessage } from './messages/command.ts';
export type { DataMessage } from './messages/data.ts';
export type { RtmpMessage, UnknownMessage } from './messages/message.ts';
export { parseMessage } from './messages/message.ts';
export type { UserControl } from './messages/user-control.ts';
export type { VideoMessage } from './messages/video.ts';
export { MEDIA_STREAM_ID, OUT_CHUNK_SIZE, rtmpFormats, rtmpPublishFormat } from './muxer.ts';
export type { RawMessage } from './raw-message.ts';
