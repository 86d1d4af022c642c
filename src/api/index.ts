export type { ApiDeps } from './endpoints.ts';
export { type ApiOptions, type ApiServer, createApiServer } from './server.ts';
