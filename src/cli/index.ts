/** The commands of the command line that do not run the server. */
export { processTerminal, type Terminal } from './command.ts';
export { receive } from './receive.ts';
export { replay } from './replay.ts';
