/** What peers say over their connections. */
import { TAG_TYPE, TagReader } from '../../../src/containers/flv/index.ts';
import {
  ChunkReader,
  ClientHandshake,
  type CommandMessage,
  parseConnect,
  parseCreateStreamResult,
  parseMessage,
  parsePlay,
  parsePublish,
  parseStatus,
  parseStreamName,
  type RawMessage,
  type RtmpMessage,
  ServerHandshake,
} from '../../../src/wire/rtmp/index.ts';
import { parseRtpPacket, type RtpMedia, RtpReceiver } from '../../../src/wire/rtp/index.ts';
import { parseRtcp } from '../../../src/wire/rtp/rtcp.ts';
import {
  parseChallenge,
  parseCredentials,
  parseSdp,
  parseTransports,
  RtspReader,
  sdpRtpMedia,
} from '../../../src/wire/rtsp/index.ts';
import type { FuzzTarget } from '../judge.ts';
import { RTMP_TROUBLE, RTSP_TROUBLE } from './known-trouble.ts';
import { named, seedFiles } from './seed-files.ts';
import { RTMP_STRUCTURES, RTP_STRUCTURES } from './structures.ts';

/** Where handshakes want randomness: the same for each input. */
const noRandom = (size: number): Buffer => Buffer.alloc(size, 0x5a);
const MAX_MESSAGE_BYTES = 1024 * 1024;
const MAX_PENDING_BYTES = 4 * 1024 * 1024;

function readCommand(command: CommandMessage, out: unknown[]): void {
  switch (command.name) {
    case 'connect':
      out.push(parseConnect(command));
      return;
    case 'publish':
      out.push(parsePublish(command));
      return;
    case 'play':
      out.push(parsePlay(command));
      return;
    case 'FCPublish':
    case 'FCUnpublish':
    case 'deleteStream':
      out.push(parseStreamName(command));
      return;
    case '_result':
      out.push(parseCreateStreamResult(command));
      return;
    case 'onStatus':
      out.push(parseStatus(command));
      return;
    default:
      out.push({ name: command.name });
  }
}

function readMessage(message: RtmpMessage, tags: TagReader, out: unknown[]): void {
  if (message.type === 'aggregate') for (const inner of message.messages) readMessage(inner, tags, out);
  else if (message.type === 'command') readCommand(message, out);
  else if (message.type === 'audio' || message.type === 'video' || message.type === 'data') {
    const type = TAG_TYPE[message.type === 'data' ? 'script' : message.type];
    tags.read(type, message.timestamp, message.payload, { push: (event) => out.push(event) });
  } else out.push(message);
}

/** The next message; a reader that has failed once must fail again. */
function nextOf(reader: ChunkReader): RawMessage | null {
  if (reader.pendingBytes > MAX_PENDING_BYTES) throw new Error(`${reader.pendingBytes} bytes are held`);
  try {
    return reader.next();
  } catch (error) {
    let again: unknown = null;
    try {
      reader.push(Buffer.from([3]));
      reader.next();
    } catch (later) {
      again = later;
    }
    if (again !== error) throw new Error('goes on after an error');
    throw error;
  }
}

/** One side of a dialog, handshake first. */
function readDialog(handshake: ServerHandshake | ClientHandshake, pieces: readonly Buffer[], out: unknown[]): void {
  const reader = new ChunkReader({ maxMessageLength: MAX_MESSAGE_BYTES, maxPendingBytes: MAX_PENDING_BYTES });
  const tags = new TagReader();
  let isOpen = false;
  for (const piece of pieces) {
    let chunks = piece;
    if (!isOpen) {
      const step = handshake.push(piece);
      if (step.send !== null) out.push(step.send);
      if (!step.done) continue;
      isOpen = true;
      chunks = step.rest;
    }
    reader.push(chunks);
    for (let raw = nextOf(reader); raw !== null; raw = nextOf(reader)) readMessage(parseMessage(raw), tags, out);
  }
}

const rtmp: FuzzTarget = {
  name: 'rtmp',
  seeds: [...seedFiles('publish*.rtmp'), ...Object.values(RTMP_TROUBLE), ...RTMP_STRUCTURES],
  run: (pieces, out) => readDialog(new ServerHandshake(noRandom), pieces, out),
  allows: named('RtmpError'),
};

const rtmpClient: FuzzTarget = {
  name: 'rtmp-client',
  seeds: seedFiles('answers.rtmp'),
  run: (pieces, out) => {
    const handshake = new ClientHandshake(noRandom);
    handshake.start();
    readDialog(handshake, pieces, out);
  },
  allows: named('RtmpError'),
};

/** A publisher's dialog: its session description opens the receiver of what follows. */
function readRtsp(pieces: readonly Buffer[], out: unknown[]): void {
  const reader = new RtspReader();
  let receiver: RtpReceiver | null = null;
  let nowMs = 0;
  for (const piece of pieces) {
    reader.push(piece);
    for (let message = reader.next(); message !== null; message = reader.next()) {
      if (message.kind === 'interleaved') {
        nowMs += 5;
        const { channel, payload } = message;
        if (channel % 2 === 0) receiver?.pushRtp(channel / 2, payload, nowMs);
        else receiver?.pushRtcp((channel - 1) / 2, payload, nowMs);
        for (let event = receiver?.next() ?? null; event !== null; event = receiver?.next() ?? null) out.push(event);
        continue;
      }
      out.push({ kind: message.kind, body: message.body });
      const transport = message.headers.get('Transport');
      if (transport !== undefined && transport !== null) out.push(parseTransports(transport));
      if (message.kind !== 'request' || message.method !== 'ANNOUNCE') continue;
      const media = parseSdp(message.body.toString()).media.flatMap((each) => sdpRtpMedia(each) ?? []);
      receiver = new RtpReceiver({ media, isOrdered: true });
    }
  }
}

const rtsp: FuzzTarget = {
  name: 'rtsp',
  seeds: [...seedFiles('*.rtsp'), ...Object.values(RTSP_TROUBLE)],
  words: ['\r\n', ': ', 'RTSP/1.0', 'Content-Length: ', 'Transport: ', 'Session: ', '$', 'rtsp://', '\0', 'ANNOUNCE '],
  run: readRtsp,
  allows: named('RtspError'),
};

const MEDIA: readonly RtpMedia[][] = [
  [
    { kind: 'video', codec: 'H264', encoding: 'H264', payloadType: 96, clockRate: 90_000, channels: 1, fmtp: {} },
    {
      ...{ kind: 'audio', codec: 'AAC', encoding: 'MPEG4-GENERIC', payloadType: 97, clockRate: 44_100, channels: 1 },
      fmtp: { mode: 'AAC-hbr', config: '1208', sizelength: '13', indexlength: '3', indexdeltalength: '3' },
    },
  ],
  [
    { kind: 'video', codec: 'H265', encoding: 'H265', payloadType: 96, clockRate: 90_000, channels: 1, fmtp: {} },
    { kind: 'audio', codec: 'OPUS', encoding: 'OPUS', payloadType: 97, clockRate: 48_000, channels: 2, fmtp: {} },
  ],
  [
    {
      ...{ kind: 'audio', codec: 'AAC', encoding: 'MP4A-LATM', payloadType: 97, clockRate: 44_100, channels: 1 },
      fmtp: { cpresent: '0', config: '400024103fc0' },
    },
    { kind: 'video', codec: 'H264', encoding: 'H264', payloadType: 96, clockRate: 90_000, channels: 1, fmtp: {} },
  ],
];

/** The interleaved packets of a recorded dialog: each its channel, its length in 2 bytes, itself. */
function packetsOf(dialog: Buffer, mediaIndex: number): Buffer {
  const reader = new RtspReader();
  reader.push(dialog);
  const records: Buffer[] = [Buffer.from([mediaIndex])];
  for (let message = reader.next(); message !== null; message = reader.next()) {
    if (message.kind !== 'interleaved') continue;
    const head = Buffer.from([message.channel, 0, 0]);
    head.writeUInt16BE(message.payload.length, 1);
    records.push(head, message.payload);
  }
  return Buffer.concat(records);
}

/** Packets as UDP brings them, which may come in any order: every depacketizer, reordering, reports. */
const rtp: FuzzTarget = {
  name: 'rtp',
  seeds: [
    ...seedFiles('publish-h264-aac.rtsp').map((dialog) => packetsOf(dialog, 0)),
    ...seedFiles('publish-h265-opus.rtsp').map((dialog) => packetsOf(dialog, 1)),
    ...seedFiles('publish-latm.rtsp').map((dialog) => packetsOf(dialog, 2)),
    ...RTP_STRUCTURES,
  ],
  run: (pieces, out) => {
    const input = Buffer.concat(pieces);
    const receiver = new RtpReceiver({ media: MEDIA[(input[0] ?? 0) % MEDIA.length] ?? [], isOrdered: false });
    for (let at = 1, nowMs = 0; at + 3 <= input.length; nowMs += 7) {
      const channel = input.readUInt8(at) % 4;
      const end = at + 3 + input.readUInt16BE(at + 1);
      const packet = input.subarray(at + 3, end);
      if (channel % 2 === 0) receiver.pushRtp(channel / 2, packet, nowMs);
      else receiver.pushRtcp((channel - 1) / 2, packet, nowMs);
      receiver.tick(nowMs);
      takeEvents(receiver, out);
      at = end;
    }
    receiver.end();
    takeEvents(receiver, out);
    out.push(receiver.stats);
  },
  allows: () => false,
};

function takeEvents(receiver: RtpReceiver, out: unknown[]): void {
  for (let event = receiver.next(); event !== null; event = receiver.next()) {
    // reports bear a source that is chosen at random
    out.push(event.kind === 'rtcp' ? { kind: event.kind, bytes: event.bytes.length } : event);
  }
}

const packets: FuzzTarget = {
  name: 'rtp-packets',
  seeds: [
    Buffer.from('80c80006deadbeefe0000000800000000000000000000001000000c8' + '81ca0003deadbeef0103666f6f000000', 'hex'),
    Buffer.from('81c90007cafebabedeadbeef00000000000000010000000000000000' + '00000000', 'hex'),
    Buffer.from('90e0000100000001deadbeefbede000110ff0000aabbccdd', 'hex'),
  ],
  run: (pieces, out) => {
    const input = Buffer.concat(pieces);
    out.push(parseRtcp(input), parseRtpPacket(input));
  },
  allows: () => false,
};

const header: FuzzTarget = {
  name: 'rtsp-headers',
  seeds: [
    'RTP/AVP/TCP;unicast;interleaved=0-1;mode=record,RTP/AVP;unicast;client_port=5000-5001',
    'Digest username="u", realm="r", nonce="n", uri="rtsp://h/a", response="6629fae49393a05397450978507c4ef1"',
    'Basic dXNlcjpwYXNz',
    'v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:streamid=0\r\n',
  ].map((text) => Buffer.from(text)),
  words: [
    ';',
    ',',
    '=',
    '"',
    '\\',
    '\r\n',
    'a=fmtp:96 ',
    'a=rtpmap:',
    'm=video 0 RTP/AVP ',
    'RTP/AVP',
    '__proto__=',
    '65536',
  ],
  run: (pieces, out) => {
    const text = Buffer.concat(pieces).toString('latin1');
    out.push(parseTransports(text), parseChallenge(text));
    const credentials = parseCredentials(text);
    out.push(credentials === null ? null : credentials.scheme);
    const { media } = parseSdp(text);
    out.push(...media.map((each) => sdpRtpMedia(each)));
  },
  allows: named('RtspError'),
};

export const WIRE_TARGETS: readonly FuzzTarget[] = [rtmp, rtmpClient, rtsp, rtp, packets, header];
