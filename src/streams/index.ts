export type { ConsumerFactory, FrameConsumer, Publication } from './consumer.ts';
export type { FanoutOptions, FormatOptions } from './fanout.ts';
export type {
  Admission,
  AdmissionRequest,
  BaseType,
  Clock,
  Decision,
  Fact,
  Ledger,
  Log,
  Protocol,
  SessionCounter,
  SessionFacts,
  SessionIdentity,
  StopReason,
} from './ports.ts';
export {
  type Hub,
  type PublishResult,
  type Refusal,
  Registry,
  type SubscribeResult,
  type Subscription,
} from './registry.ts';
export type { Peer } from './session.ts';
export type { GroupSnapshot, SessionSnapshot } from './snapshot.ts';
export type { Publisher, StreamOptions } from './stream.ts';
export type { Sink } from './subscriber.ts';
