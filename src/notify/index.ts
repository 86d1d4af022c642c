/** The door of notify. */
export type { EventJson, NotifyAdmin, NotifyStatusJson, ReceiverJson } from './admin.ts';
export { createHeaderMaker } from './headers.ts';
export { createNotifier, type Notifier, type NotifierDeps, type NotifyStatus } from './notifier.ts';
export type { NotifyEvent, NotifyOptions } from './options.ts';
export { EVENT_STATES, type EventFilter, type ReplayFilter, SETTLED_STATES } from './outbox.ts';
export { sessionBody } from './payloads.ts';
export { type GroupJson, groupJson, type LalInfoJson, lalInfoJson } from './stat-json.ts';
