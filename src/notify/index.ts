/** The door of notify. */
export type { EventJson, NotifyAdmin, NotifyStatusJson, ReceiverJson } from './admin.ts';
export { createHeaderMaker } from './headers.ts';
export { createNotifier, type Notifier, type NotifierDeps, type NotifyStatus } from './notifier.ts';
export type { NotifyEvent, NotifyOptions } from './options.ts';
export { EVENT_STATES, type EventFilter, type ReplayFilter, SETTLED_STATES } from './outbox.ts';
export {
  type HlsMakeTsBody,
  type NotifyMessage,
  type RecordStartBody,
  type RecordStopBody,
  type RtmpConnectBody,
  type SessionBody,
  sessionBody,
  type UpdateBody,
} from './payloads.ts';
export { type GroupJson, groupJson, type LalInfoJson, lalInfoJson, localTime } from './stat-json.ts';
