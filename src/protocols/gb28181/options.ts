/** What is asked of the GB28181 server, what it answers, and what it needs of the house. */
import type { PeerFaults, PeerLimits } from '../../net/index.ts';
import type { Clock, Decision, Hub, Log, SessionCounter } from '../../streams/index.ts';

export interface Gb28181Deps {
  readonly hub: Hub;
  readonly counter: SessionCounter;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: nobody counts what senders do wrong. */
  readonly faults?: PeerFaults;
  /** Absent: there are no bounds, and nobody counts. */
  readonly limits?: Pick<PeerLimits, 'gb28181Ports' | 'refusals'>;
  /** Asked of each sender before its packets are taken: whether its address may send at all. Absent: all may. */
  readonly decide?: (remoteAddr: string) => Promise<Decision>;
}

/** One publication that is to be received. */
export interface RtpPubRequest {
  readonly streamName: string;
  /** 0: any free one of 30000 to 60000. */
  readonly port: number;
  /** The publication ends after so long without a packet; 0: never. Milliseconds. */
  readonly timeoutMs: number;
  /** TCP with RFC 4571 framing in place of UDP. */
  readonly isTcp: boolean;
  /** A new file that gets all that is received, as `PacketDump` writes it; empty: none. */
  readonly dumpFile: string;
}

/** The session, in the stream already and listening, or a sentence about what is in the way. */
export type RtpPubResult =
  | { readonly ok: true; readonly sessionId: string; readonly port: number }
  | { readonly ok: false; readonly reason: string };
