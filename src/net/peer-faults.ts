/** What peers do wrong: counted by kind, and named in the log a few times in a while, however often it happens. */
import type { Socket } from 'node:net';
import type { Clock, Log } from '../streams/index.ts';
import { remoteAddress } from './address.ts';
import { Complaints } from './complaints.ts';

/** What the peer was to speak. */
export type FaultyProtocol = 'RTMP' | 'RTSP' | 'PS' | 'HTTP' | 'WebSocket' | 'HLS' | 'API';

export type FaultReason =
  /** A TLS handshake failed, or was none. */
  | 'tls'
  /** Bytes of another protocol. */
  | 'other protocol'
  | 'malformed'
  /** A length, size or count beyond its bound, answers that are not read among them. */
  | 'limit'
  /** A handshake or a request that took too long, a connection that did nothing. */
  | 'timed out'
  /** It asked for what it may not have, or what there is not. */
  | 'refused';

/** Takes note of what peers do wrong. Cheap enough for a flood of it; never throws. */
export interface PeerFaults {
  /** @param message one sentence for the log, with what was found and what is allowed */
  tell(protocol: FaultyProtocol, reason: FaultReason, fields: object, message: string): void;
  /** Counts one that was named elsewhere. */
  count(protocol: FaultyProtocol, reason: FaultReason): void;
}

/** So many faults of a kind are named one by one before the rest is summed up. */
const NAMED_AT_ONCE = 5;
/** Faults that a client which is in order may have now and then. */
const USUAL: ReadonlySet<FaultReason> = new Set(['tls', 'timed out', 'refused']);
const SYSTEM_CLOCK = { monotonicMs: () => performance.now() };

export class FaultLog implements PeerFaults {
  readonly count: PeerFaults['count'];
  readonly #log: Log;
  readonly #complaints: Complaints;

  /** @param count told of each fault */
  constructor(log: Log, count: PeerFaults['count'] = () => {}, clock: Pick<Clock, 'monotonicMs'> = SYSTEM_CLOCK) {
    this.#log = log;
    this.count = count;
    this.#complaints = new Complaints(clock, NAMED_AT_ONCE);
  }

  tell(protocol: FaultyProtocol, reason: FaultReason, fields: object, message: string): void {
    this.count(protocol, reason);
    const isSaid = this.#complaints.about(`${protocol} ${reason}`, (times) => {
      const all = { ...fields, fault: reason, times };
      if (USUAL.has(reason)) this.#log.info(all, message);
      else this.#log.warn(all, message);
    });
    if (!isSaid) this.#log.debug({ ...fields, fault: reason }, message);
  }
}

/** A handshake has failed: the connection ends, and the fault is told in OpenSSL's words. */
export function endFailedTls(faults: PeerFaults, protocol: FaultyProtocol, error: Error, socket: Socket): void {
  const why = 'reason' in error && typeof error.reason === 'string' ? error.reason : error.message;
  // a peer that has gone is no fault
  if (!('code' in error) || error.code !== 'ECONNRESET') {
    faults.tell(protocol, 'tls', { peer: remoteAddress(socket) }, `TLS handshake failed: ${why}`);
  }
  socket.destroy();
}
