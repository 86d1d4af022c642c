export { PlayerThreads } from './player-threads.ts';
export { type PlayerOptions, type Port, playerPorts } from './ports.ts';
