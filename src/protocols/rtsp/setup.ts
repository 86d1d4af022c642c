/** What SETUP has in common for publishers and players: the answer, and channels that are free. */
import type { Socket } from 'node:net';
import { plainAddress } from '../../net/index.ts';
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

export function noPorts(detail: string): SetupResult {
  return { ok: false, status: 503, detail };
}

/** Opens a pair on this connection's own address; the peer's address is the connection's, too. Or why there is none. */
export async function openUdp(
  udp: UdpPairs,
  socket: Socket,
  on: Pick<UdpPairOptions, 'onRtp' | 'onRtcp'>,
): Promise<{ readonly pair: UdpPair; readonly address: string } | string> {
  const address = plainAddress(socket.remoteAddress);
  const pair = await udp.open({ localAddress: plainAddress(socket.localAddress), ...on }, address);
  return typeof pair === 'string' ? pair : { pair, address };
}

/** The lowest even channel of which neither it nor the one after it is in use; null where none is left. */
export function freeChannel(isUsed: (channel: number) => boolean): number | null {
  for (let channel = 0; channel < 256; channel += 2) {
    if (!isUsed(channel) && !isUsed(channel + 1)) return channel;
  }
  return null;
}
