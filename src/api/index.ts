export { CONSOLE_FOLDER } from './console.ts';
export type { ApiDeps, DrainResult, ReloadResult } from './endpoint.ts';
export { type ApiServer, createApiServer } from './server.ts';
export { DRAIN_SEC } from './server-control.ts';
export { type FeaturesJson, listenersJson, type ServerInfoJson } from './server-info.ts';
export { tokenCheck } from './token.ts';
