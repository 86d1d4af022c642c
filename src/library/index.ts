/** The door of the library. */
export type { Controls, Records, RelayPullOptions, RtpPubOptions, Stats } from './controls.ts';
export type { EventHandler, ServerEvent } from './events.ts';
export type { HookResult, HookSession, StreamHook } from './hooks.ts';
export type { Refused } from './inside.ts';
export { ElementaryReader, type MediaEvent } from './media.ts';
export { ConfigError, type ServerOptions } from './options.ts';
export type { CustomizePublisher, PublisherOptions, PublisherResult } from './publisher.ts';
export { createServer, type ListenerName, type MillraceServer, type Reloaded } from './server.ts';
