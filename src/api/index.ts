export type { ApiDeps } from './endpoints.ts';
export { type ApiServer, createApiServer } from './server.ts';
