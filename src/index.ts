/** Millrace as a library: the same server that the command line runs, in a program's own process. */
export type { AdmissionAnswer, AdmissionFunctions } from './admission/index.ts';
export type { ConfigFile } from './config/index.ts';
export { FlvDemuxer, type FlvEvent } from './containers/flv/index.ts';
export {
  ConfigError,
  type Controls,
  type CustomizePublisher,
  createServer,
  ElementaryReader,
  type EventHandler,
  type HookResult,
  type HookSession,
  type ListenerName,
  type MediaEvent,
  type MillraceServer,
  type PublisherOptions,
  type PublisherResult,
  type Records,
  type Refused,
  type RelayPullOptions,
  type Reloaded,
  type RtpPubOptions,
  type ServerEvent,
  type ServerOptions,
  type Stats,
  type StreamHook,
} from './library/index.ts';
export {
  type AudioFrame,
  type AudioTrack,
  aacTrack,
  annexBToNalUnits,
  type DataFrame,
  type Frame,
  h264Track,
  h265Track,
  joinNalUnits,
  opusTrack,
  splitNalUnits,
  type Track,
  type Tracks,
  type VideoFrame,
  type VideoTrack,
} from './media/index.ts';
export type {
  GroupJson,
  HlsMakeTsBody,
  LalInfoJson,
  RecordStartBody,
  RecordStopBody,
  RtmpConnectBody,
  SessionBody,
  UpdateBody,
} from './notify/index.ts';
export { createLog, type LogOptions, type RootLog } from './ops/index.ts';
export type { RtpPubResult } from './protocols/gb28181/index.ts';
export type { RecordEntry, RecordFormat } from './record/index.ts';
export type { StartResult } from './relay/index.ts';
export type { Decision, Log, SessionIdentity, StopReason } from './streams/index.ts';
