export type { ApiDeps } from './endpoint.ts';
export type { EventFilter, EventJson, NotifyAdmin, ReplayFilter } from './notify-admin.ts';
export { type ApiServer, createApiServer } from './server.ts';
