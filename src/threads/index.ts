export { PlayerThreads } from './player-threads.ts';
export {
  type PlayerOptions,
  type Port,
  playerPorts,
  type TlsListener,
  tlsListeners,
} from './ports.ts';
