/** All measurements by their names, in the order in which they are made. */
import { compareServers } from './comparison.ts';
import { measureDelay } from './delay.ts';
import { measureHls } from './hls.ts';
import type { Measurement } from './measurement.ts';
import { measureMemory } from './memory.ts';
import { measureFormats } from './players.ts';
import { measureSlowPlayers } from './slow-players.ts';
import { measureStart } from './start.ts';
import { measureStreams } from './streams.ts';
import { measureThreads } from './threads.ts';

interface Entry {
  readonly summary: string;
  readonly measure: Measurement;
}

export type MeasurementName = keyof typeof MEASUREMENTS;

export const MEASUREMENTS = {
  start: { summary: 'from the start of the process to listening', measure: measureStart },
  players: { summary: 'CPU per player in each format, gathered and not, next to the floor', measure: measureFormats },
  slow: { summary: 'what players that do not keep up cost the others', measure: measureSlowPlayers },
  threads: { summary: 'CPU per player on two threads next to one', measure: measureThreads },
  hls: { summary: 'CPU per HLS viewer, and requests a second next to nginx with the same files', measure: measureHls },
  streams: { summary: 'CPU per publisher, and of players who wait for one', measure: measureStreams },
  delay: { summary: 'a frame’s way, a new player’s first key frame, garbage collection', measure: measureDelay },
  memory: { summary: 'resident memory per player, and whether it grows', measure: measureMemory },
  compare: { summary: 'nginx-rtmp and node-media-server, where they are installed', measure: compareServers },
} satisfies Record<string, Entry>;
