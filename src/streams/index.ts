export type { AudienceOptions, Batch, BatchTarget, Flow, MuxedGop, Opening, Player, Sink } from './audience.ts';
export { Audience } from './audience.ts';
export type { ConsumerFactory, FrameConsumer, Publication } from './consumer.ts';
export type { Branch, BranchOwner, FanoutOptions, FormatOptions } from './fanout.ts';
export type {
  Admission,
  AdmissionRequest,
  BaseType,
  Clock,
  Decision,
  Fact,
  HubRefusals,
  Ledger,
  Log,
  Protocol,
  RecordFacts,
  SessionCounter,
  SessionFacts,
  SessionIdentity,
  StopReason,
  StreamChange,
} from './ports.ts';
export {
  type Hub,
  isTemporary,
  type LocalSubscription,
  type PublishResult,
  type Refusal,
  Registry,
  type SubscribeResult,
  type Subscription,
} from './registry.ts';
export type { Peer, StreamState } from './session.ts';
export type { GroupSnapshot, HubWatch, SessionSnapshot } from './snapshot.ts';
export type { Source, SourceEvents } from './source.ts';
export type { Branched, Publisher, StreamOptions } from './stream.ts';
