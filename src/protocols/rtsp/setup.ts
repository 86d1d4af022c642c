/** What SETUP has in common for publishers and players: the answer, and channels that are free. */
import type { Socket } from 'node:net';
import type { Transport } from '../../wire/rtsp/index.ts';
import type { UdpPair, UdpPairOptions, UdpPairs } from './udp-pair.ts';

/** The transport that was taken, or the status to refuse with. */
export type SetupResult =
  | { readonly ok: true; readonly transport: Transport }
  | { readonly ok: false; readonly status: number; readonly detail: string };

export const NO_TRANSPORT: SetupResult = {
  ok: false,
  status: 461,
  detail: 'taken are RTP/AVP/TCP with interleaved channels and, beside plain RTSP, RTP/AVP with client_port',
};

export const NO_PORTS: SetupResult = { ok: false, status: 503, detail: 'no UDP ports are free' };

/** Opens a pair on this connection's own address; the peer's address is the connection's, too. Null: none is free. */
export async function openUdp(
  udp: UdpPairs,
  socket: Socket,
  on: Pick<UdpPairOptions, 'onRtp' | 'onRtcp'>,
): Promise<{ readonly pair: UdpPair; readonly address: string } | null> {
  const pair = await udp.open({ localAddress: plainAddress(socket.localAddress), ...on });
  return pair === null ? null : { pair, address: plainAddress(socket.remoteAddress) };
}

/** IPv4 seen through an IPv6 socket as plain IPv4. */
export function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/, '');
}

/** The lowest even channel of which neither it nor the one after it is in use; null where none is left. */
export function freeChannel(isUsed: (channel: number) => boolean): number | null {
  for (let channel = 0; channel < 256; channel += 2) {
    if (!isUsed(channel) && !isUsed(channel + 1)) return channel;
  }
  return null;
}
