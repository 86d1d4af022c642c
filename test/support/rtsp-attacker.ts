/** RTSP peers of the tests for what no client in order would do: publishers over UDP by hand, and floods of datagrams. */
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { TestClient } from '../../src/protocols/rtsp/client.fixture.ts';
import type { Scope } from './temp-dir.ts';
import { withPatience } from './wait-for.ts';

/** 640x360, as x264 writes them. */
export const SPS = Buffer.from('Z0LADdoFB+wEQAAAAwBAAAAPA8UKqA==', 'base64');
export const PPS = Buffer.from('aM4PyA==', 'base64');

/** One video and one audio track. */
export const SDP = [
  'v=0',
  'o=- 0 0 IN IP4 127.0.0.1',
  's=-',
  't=0 0',
  'm=video 0 RTP/AVP 96',
  'a=rtpmap:96 H264/90000',
  `a=fmtp:96 packetization-mode=1; sprop-parameter-sets=${SPS.toString('base64')},${PPS.toString('base64')}`,
  'a=control:streamid=0',
  'm=audio 0 RTP/AVP 97',
  'a=rtpmap:97 MPEG4-GENERIC/48000/2',
  'a=fmtp:97 mode=AAC-hbr;config=1190;SizeLength=13;IndexLength=3;IndexDeltaLength=3',
  'a=control:streamid=1',
  '',
].join('\r\n');

/** A connection that the scope's end closes. */
export async function openRtsp(scope: Scope, port: number): Promise<TestClient> {
  const client = await TestClient.open(port);
  scope.after(() => void client.socket.destroy());
  return client;
}

/** An RTP packet. */
export function rtpPacket(sequence: number, timestamp: number, payload: Buffer, payloadType = 96): Buffer {
  const head = Buffer.alloc(12);
  head[0] = 0x80;
  head[1] = 0x80 | payloadType;
  head.writeUInt16BE(sequence & 0xffff, 2);
  head.writeUInt32BE(timestamp >>> 0, 4);
  head.writeUInt32BE(7, 8);
  return Buffer.concat([head, payload]);
}

/** A picture that decoders take for one, of one NAL unit. */
export const KEY_PICTURE = Buffer.from([0x65, 0x88, 0x84, 0, 0xff, 1]);

/** A UDP socket on this address of the machine, which the scope's end closes. */
export async function udpSocket(scope: Scope, address = '127.0.0.1'): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, address);
  await once(socket, 'listening');
  let isOpen = true;
  socket.once('close', () => {
    isOpen = false;
  });
  scope.after(() => {
    if (isOpen) socket.close();
  });
  return socket;
}

/** Sends one datagram, and waits until the system has taken it. */
export function sendTo(socket: Socket, port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => socket.send(bytes, port, '127.0.0.1', () => resolve()));
}

export interface UdpPublisher {
  readonly client: TestClient;
  /** Of its own, for RTP of the video. */
  readonly socket: Socket;
  /** The server's, for RTP and RTCP of the video. */
  readonly ports: readonly [number, number];
}

/** Publishes the video of `SDP` over UDP. */
export async function publishUdp(scope: Scope, port: number, url: string): Promise<UdpPublisher> {
  const client = await openRtsp(scope, port);
  const socket = await udpSocket(scope);
  const own = socket.address().port;
  const announced = await client.ask('ANNOUNCE', url, [['Content-Type', 'application/sdp']], Buffer.from(SDP));
  assert.equal(announced.status, 200, announced.reason);
  const wanted = `RTP/AVP;unicast;client_port=${own}-${own === 65_535 ? own - 1 : own + 1};mode=record`;
  const setUp = await client.ask('SETUP', `${url}/streamid=0`, [['Transport', wanted]]);
  const [, rtp, rtcp] = /server_port=(\d+)-(\d+)/.exec(setUp.headers.get('Transport') ?? '') ?? [];
  assert.ok(rtp !== undefined && rtcp !== undefined, setUp.reason);
  assert.equal((await client.ask('RECORD', url)).status, 200);
  return { client, socket, ports: [Number(rtp), Number(rtcp)] };
}

/** Resolves when the server has ended the connection. */
export async function cutOffRtsp(client: TestClient): Promise<void> {
  await withPatience(client.untilClosed(), () => 'the server did not end the connection');
}
