export {
  RTSP_PUBLISHER_WAIT_MS,
  RTSP_SESSION_TIMEOUT_MS,
  type RtspAuthOptions,
  type RtspDeps,
  type RtspServerOptions,
  type RtspSessionOptions,
  type RtspWebSocketOptions,
} from './options.ts';
export { openRtspSource, type RtspSourceOptions } from './pull.ts';
export { RtspServer } from './server.ts';
export { RtspWebSocketServer } from './websocket-server.ts';
