export type { ApiDeps } from './endpoint.ts';
export { type ApiServer, createApiServer } from './server.ts';
