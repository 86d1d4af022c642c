/** Test helper: bounds on peers, none but those that a test names. */
import { FakeClock } from '../streams/hub.fixture.ts';
import { type PeerLimitOptions, PeerLimits } from './peer-limits.ts';

const NONE = { all: 0, perAddress: 0 };

export const UNBOUNDED: PeerLimitOptions = {
  ...{ connections: NONE, apiConnections: NONE, udpSockets: NONE, gb28181Ports: NONE },
  ...{ minReadBytesPerSec: 0, maxRequestsPerSec: 0 },
};

/** Of one thread, whose log is silent and whose clock stands still. */
export function createLimits(options: Partial<PeerLimitOptions> = {}): PeerLimits {
  const silent = (): void => {};
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  return new PeerLimits({ ...UNBOUNDED, ...options }, PeerLimits.memory(1), 0, { log, clock: new FakeClock() });
}
