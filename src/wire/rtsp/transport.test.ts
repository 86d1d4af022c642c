/** The header Transport as clients write it, and what must not be taken. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTransports, serializeTransport, type Transport } from './transport.ts';

const udp = (a: number, b: number, isRecord = false): Transport => ({
  kind: 'udp',
  clientPorts: [a, b],
  serverPorts: null,
  isRecord,
});
const tcp = (channels: readonly [number, number] | null, isRecord = false): Transport => ({
  kind: 'tcp',
  channels,
  isRecord,
});

const OFFERS: readonly (readonly [header: string, transports: readonly Transport[]])[] = [
  ['RTP/AVP/TCP;unicast;interleaved=0-1;mode=record', [tcp([0, 1], true)]],
  ['RTP/AVP/TCP;unicast;interleaved=2-3;mode=RECORD', [tcp([2, 3], true)]],
  ['RTP/AVP/TCP;interleaved=0-1;mode="RECORD"', [tcp([0, 1], true)]],
  ['RTP/AVP/TCP;unicast;mode="PLAY"', [tcp(null)]],
  ['RTP/AVP/UDP;unicast;client_port=24100-24101', [udp(24100, 24101)]],
  ['RTP/AVP;unicast;client_port=35972-35973', [udp(35972, 35973)]],
  ['rtp/avp; unicast ; client_port = 5000', [udp(5000, 5001)]],
  ['RTP/AVPF/UDP;unicast;client_port=5000-5001', [udp(5000, 5001)]],
  ['RTP/AVP;multicast,RTP/AVP/TCP;unicast;interleaved=0-1', [tcp([0, 1])]],
  ['RTP/AVP;unicast;client_port=5000-5001,RTP/AVP/TCP;interleaved=4-5', [udp(5000, 5001), tcp([4, 5])]],
  ['RTP/AVP/TCP;interleaved=254-255', [tcp([254, 255])]],
  ['RTP/AVP/TCP;interleaved=255-256', []],
  ['RTP/AVP/TCP;interleaved=255', []],
  ['RTP/AVP/TCP;interleaved=256-257', []],
  ['RTP/AVP/TCP;interleaved=0-0', []],
  ['RTP/AVP/TCP;interleaved=-1-0', []],
  ['RTP/AVP;unicast;client_port=0-1', []],
  ['RTP/AVP;unicast;client_port=65535', []],
  ['RTP/AVP;unicast;client_port=65535-65536', []],
  ['RTP/AVP;unicast', []],
  ['RTP/AVP;multicast', []],
  ['RTP/SAVP;unicast;client_port=5000-5001', []],
  ['RAW/RAW/UDP;client_port=5000-5001', []],
  ['x-real-rdt/tcp', []],
  ['', []],
  [';;;,,,', []],
];
for (const [header, transports] of OFFERS) {
  test(`offer ${JSON.stringify(header)}`, () => assert.deepEqual(parseTransports(header), transports));
}

test('what a server answers is read again', () => {
  const answers: Transport[] = [
    tcp([0, 1], true),
    { kind: 'udp', clientPorts: [5000, 5001], serverPorts: [6000, 6001], isRecord: false },
  ];
  for (const answer of answers) assert.deepEqual(parseTransports(serializeTransport(answer)), [answer]);
});
