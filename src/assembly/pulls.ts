/** Pulls of streams from other servers, each by the client of its protocol. */
import { type Config, limits, staticPullOptions } from '../config/index.ts';
import { type Outbound, PacketDump, type PeerFaults } from '../net/index.ts';
import type { Notifier } from '../notify/index.ts';
import { SERVER_NAME } from '../ops/index.ts';
import { openRtmpSource } from '../protocols/rtmp/index.ts';
import { openRtspSource } from '../protocols/rtsp/index.ts';
import { Pulls } from '../relay/index.ts';
import type { Clock, Log, Registry } from '../streams/index.ts';

export interface PullParts {
  readonly registry: Registry;
  readonly notifier: Notifier;
  readonly outbound: Outbound;
  readonly clock: Clock;
  readonly log: Log;
  readonly faults: PeerFaults;
}

/** @param current the configuration as it is now */
export function createPulls(
  current: () => Config,
  { registry, notifier, outbound, clock, log, faults }: PullParts,
): Pulls {
  return new Pulls(staticPullOptions(current()), {
    ...{ hub: registry, ledger: notifier, counter: notifier.counter, clock, log },
    openSource: ({ target, timeoutMs, isUdp }, events) => {
      const { maxMessageBytes } = limits(current());
      const { verify_tls: verifyTls } = current().millrace.relay;
      const options = { target, timeoutMs, verifyTls, outbound };
      return target.scheme === 'rtsp' || target.scheme === 'rtsps'
        ? openRtspSource({ ...options, isUdp, userAgent: SERVER_NAME }, events, { log, clock, faults })
        : openRtmpSource({ ...options, maxMessageBytes }, events, { log, faults });
    },
    refusalOf: (host, port) => outbound.problem(host, port),
    openDump: (file) => {
      const dump = new PacketDump(file, log);
      return { write: (bytes) => dump.write(bytes, clock.unixMs()), close: () => dump.close() };
    },
    stateOf: (streamName) => registry.stateOf(streamName),
  });
}
