/** Inputs that took other servers down, by what they are; each is a seed of its target. */
import { amfObject, serializeAmf0 } from '../../../src/containers/flv/index.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const text = (...lines: readonly string[]): Buffer => Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');

/** C0, C1 and C2 of the simple handshake. */
const HANDSHAKE = Buffer.concat([hex('03'), Buffer.alloc(2 * 1536)]);

/** A message in chunks of 128 bytes, behind a type 0 header with this basic header. */
function chunks(basic: string, typeId: number, body: Buffer, time = 0): Buffer {
  const header = Buffer.alloc(11);
  header.writeUIntBE(time, 0, 3);
  header.writeUIntBE(body.length, 3, 3);
  header.writeUInt8(typeId, 6);
  const pieces: Buffer[] = [hex(basic), header, body.subarray(0, 128)];
  for (let at = 128; at < body.length; at += 128) {
    const next = hex(basic);
    next.writeUInt8(0xc0 | next.readUInt8(0), 0);
    pieces.push(next, body.subarray(at, at + 128));
  }
  return Buffer.concat(pieces);
}

const CONNECT = serializeAmf0('connect', 1, amfObject({ app: 'live', tcUrl: 'rtmp://h/live', flashVer: 'x' }));
const command = (body: Buffer): Buffer => chunks('03', 20, body);
const connected = (...rest: readonly Buffer[]): Buffer => Buffer.concat([HANDSHAKE, command(CONNECT), ...rest]);

/** What publishers and players of RTMP sent. */
export const RTMP_TROUBLE: Readonly<Record<string, Buffer>> = {
  'a chunk size of 2^31 - 1, then a message of 16 MB': connected(
    chunks('02', 1, hex('7fffffff')),
    hex('04 000000 ffffff 09 01000000'),
  ),
  'chunk stream ids of 2 and 3 bytes': connected(
    chunks('00 00', 20, serializeAmf0('createStream', 2, null)),
    chunks('00 ff', 8, hex('af00 1190')),
    chunks('01 0000', 9, hex('17 00 000000')),
    chunks('01 ffff', 8, hex('af01 2110')),
  ),
  'an object that is cut': Buffer.concat([HANDSHAKE, command(CONNECT.subarray(0, CONNECT.length - 9))]),
  'an array that is cut': connected(command(Buffer.concat([serializeAmf0('x', 2), hex('0a 00001000 00')]))),
  'commands without their optional fields': connected(
    ...['connect', 'createStream', 'publish', 'play', 'deleteStream', 'FCPublish', 'pause', 'seek', 'receiveAudio'].map(
      (name) => command(serializeAmf0(name)),
    ),
  ),
  'false where a stream name belongs': connected(
    command(serializeAmf0('publish', 3, null, false, 'live')),
    command(serializeAmf0('play', 4, null, false)),
  ),
  'timestamps at and beyond 2^32, and back': connected(
    hex('04 ffffff 000004 08 01000000 ffffffff af001190'),
    hex('44 ffffff 000004 08 00000010 af012110'),
    hex('84 ffffff 80000000 af012110'),
    hex('04 000000 000004 08 01000000 af012110'),
  ),
  'a type 3 chunk with no header before it': connected(hex('c9 00')),
  'an abort in the midst of a message': connected(
    hex('06 000000 000100 09 01000000'),
    Buffer.alloc(128, 0x17),
    chunks('02', 2, hex('00000006')),
    hex('c6'),
    Buffer.alloc(128, 0x17),
  ),
  'two dots in names': connected(
    command(serializeAmf0('connect', 1, amfObject({ app: '../../etc', tcUrl: '..\\..\\' }))),
    command(serializeAmf0('publish', 3, null, '../../../passwd', 'record')),
  ),
  'objects in objects': connected(
    command(Buffer.concat([serializeAmf0('x', 2), Buffer.alloc(8000, hex('03 0001 61'))])),
  ),
  'AMF3 in AMF3, and references to it': connected(
    chunks(
      '03',
      17,
      Buffer.concat([hex('00'), serializeAmf0('x', 2), hex('11 09 05 01 09 05 01 0a 0b 01 01 09 02 09 02')]),
    ),
  ),
  'an aggregate that says more than it has': connected(chunks('04', 22, hex('08 0000ff 000000 00 000000 af01'))),
};

const BODY =
  'v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/44100/2\r\n\
a=fmtp:97 mode=AAC-hbr;config=1210;sizelength=13;indexlength=3;indexdeltalength=3\r\na=control:trackID=0\r\n';
const ANNOUNCE = Buffer.from(
  `ANNOUNCE rtsp://h/live/s RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
);
const setup = (transport: string): Buffer =>
  text('SETUP rtsp://h/live/s/trackID=0 RTSP/1.0', 'CSeq: 2', `Transport: ${transport}`);

/** What publishers and players of RTSP sent. */
export const RTSP_TROUBLE: Readonly<Record<string, Buffer>> = {
  'NUL in a request line': text('OPTIONS rtsp://h/\0 RTSP/1.0', 'CSeq: 1'),
  'SETUP with port 0': setup('RTP/AVP;unicast;client_port=0-1'),
  'SETUP with port 65535': setup('RTP/AVP;unicast;client_port=65535'),
  'interleaved channel 255': setup('RTP/AVP/TCP;unicast;interleaved=255'),
  'a huge Content-Length': text('ANNOUNCE rtsp://h/live/s RTSP/1.0', 'Content-Length: 99999999999999999999'),
  'a negative Content-Length': text('ANNOUNCE rtsp://h/live/s RTSP/1.0', 'Content-Length: -1'),
  'a session of another connection': text('TEARDOWN rtsp://h/live/s RTSP/1.0', 'CSeq: 1', 'Session: 0000000000000001'),
  'RTCP that says more than it has': Buffer.concat([ANNOUNCE, hex('24 01 0008 80c8ffff deadbeef')]),
  'RTP of no version, with padding and extension beyond its end': Buffer.concat([
    ANNOUNCE,
    hex('24 00 000c 00610001 00000000 00000001'),
    hex('24 00 000d b0610002 00000000 00000001 ff'),
    hex('24 00 0010 9061 0003 00000000 00000001 bedeffff'),
    hex('24 00 0000'),
  ]),
  'AAC whose AU sizes do not fit': Buffer.concat([
    ANNOUNCE,
    hex('24 00 0014 80e10001 00000000 00000001 0010 ffff 21 10 04 60'),
    hex('24 00 0014 80e10002 00000400 00000001 ffff 0010 21 10 04 60'),
  ]),
  'a TLS handshake': hex('16030100c8010000c40303'),
  'a request of HTTP': text('GET / HTTP/1.1', 'Host: h'),
};

/** Names and URLs. */
export const NAME_TROUBLE: readonly string[] = [
  '/live/..%5c<script>alert(1)</script>',
  '/live/..',
  '/../../etc/passwd',
  '/live/%2e%2e%2f%2e%2e',
  '/live/a\0b',
  `/${'a/'.repeat(3000)}`,
  'rtmp://h/live/%',
];
