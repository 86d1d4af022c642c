export type { PullDeps, PullRequest } from './pull.ts';
export { Pulls, type StartPull, type StartResult, type StaticPullOptions } from './pulls.ts';
export { type PushOptions, relayPush } from './push.ts';
