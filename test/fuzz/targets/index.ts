/** Everything that reads what others wrote. */
import type { FuzzTarget } from '../fuzzer.ts';
import { CONTAINER_TARGETS } from './containers.ts';
import { TEXT_TARGETS } from './texts.ts';
import { WIRE_TARGETS } from './wire.ts';

export const TARGETS: readonly FuzzTarget[] = [...WIRE_TARGETS, ...CONTAINER_TARGETS, ...TEXT_TARGETS];
