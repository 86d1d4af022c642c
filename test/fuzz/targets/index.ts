/** Everything that reads what others wrote. */
import type { FuzzTarget } from '../judge.ts';
import { CONTAINER_TARGETS } from './containers.ts';
import { HTTP_TARGETS } from './http.ts';
import { PLAYER_TARGETS } from './players.ts';
import { ROUND_TRIP_TARGETS } from './round-trips.ts';
import { TEXT_TARGETS } from './texts.ts';
import { WIRE_TARGETS } from './wire.ts';

export const TARGETS: readonly FuzzTarget[] = [
  ...[
    ...WIRE_TARGETS,
    ...CONTAINER_TARGETS,
    ...PLAYER_TARGETS,
    ...ROUND_TRIP_TARGETS,
    ...TEXT_TARGETS,
    ...HTTP_TARGETS,
  ],
];
