/** The header `Transport` (RFC 2326 12.39): what a client offers at SETUP and what the server takes. */

/** One offer that this house can speak; multicast, secure profiles and other offers are not among them. */
export type Transport =
  | {
      readonly kind: 'tcp';
      /** Null: the client leaves the choice to the server. RTP's channel and RTCP's. */
      readonly channels: readonly [number, number] | null;
      readonly isRecord: boolean;
    }
  | {
      readonly kind: 'udp';
      /** RTP's port and RTCP's, 1 to 65,535 each. */
      readonly clientPorts: readonly [number, number];
      /** Only in the server's answer. */
      readonly serverPorts: readonly [number, number] | null;
      readonly isRecord: boolean;
    };

const MAX_CHANNEL = 255;
const MAX_PORT = 65_535;

/** The offers of the header that can be spoken, in the client's order; offers that cannot are left out. */
export function parseTransports(value: string): Transport[] {
  return value.split(',').flatMap((offer) => parseOffer(offer) ?? []);
}

function parseOffer(offer: string): Transport | null {
  const [spec = '', ...rest] = offer.split(';').map((part) => part.trim());
  const [protocol, profile, lower = 'UDP', ...more] = spec.toUpperCase().split('/');
  // AVPF adds feedback that a receiver may send or not (RFC 4585 4): nothing has to be understood
  if (protocol !== 'RTP' || (profile !== 'AVP' && profile !== 'AVPF') || more.length > 0) return null;
  const parameters = new Map(
    rest.map((part): [string, string] => {
      const cut = part.indexOf('=');
      return cut === -1
        ? [part.toLowerCase(), '']
        : [part.slice(0, cut).trim().toLowerCase(), part.slice(cut + 1).trim()];
    }),
  );
  if (parameters.has('multicast')) return null;
  const isRecord = /^"?(record|receive)"?$/i.test(parameters.get('mode') ?? '');
  if (lower === 'TCP') {
    const interleaved = parameters.get('interleaved');
    if (interleaved === undefined) return { kind: 'tcp', channels: null, isRecord };
    const channels = parsePair(interleaved, 0, MAX_CHANNEL);
    return channels === null ? null : { kind: 'tcp', channels, isRecord };
  }
  if (lower !== 'UDP') return null;
  const clientPorts = parsePair(parameters.get('client_port') ?? '', 1, MAX_PORT);
  if (clientPorts === null) return null;
  const serverPorts = parsePair(parameters.get('server_port') ?? '', 1, MAX_PORT);
  return { kind: 'udp', clientPorts, serverPorts, isRecord };
}

/** `A-B`, or `A` for A and the number after it, both in range. */
function parsePair(text: string, min: number, max: number): readonly [number, number] | null {
  const [, first, second] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text) ?? [];
  if (first === undefined) return null;
  const a = Number(first);
  const b = second === undefined ? a + 1 : Number(second);
  return a >= min && b >= min && a <= max && b <= max && a !== b ? [a, b] : null;
}

/** The header's value. */
export function serializeTransport(transport: Transport): string {
  const mode = transport.isRecord ? ';mode=record' : '';
  if (transport.kind === 'tcp') {
    const channels = transport.channels === null ? '' : `;interleaved=${transport.channels.join('-')}`;
    return `RTP/AVP/TCP;unicast${channels}${mode}`;
  }
  const server = transport.serverPorts === null ? '' : `;server_port=${transport.serverPorts.join('-')}`;
  return `RTP/AVP;unicast;client_port=${transport.clientPorts.join('-')}${server}${mode}`;
}
