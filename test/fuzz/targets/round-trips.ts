/** What can be read and written: written again, it reads the same. */
import { isDeepStrictEqual } from 'node:util';
import { parseAmf0, serializeAmf0 } from '../../../src/containers/flv/index.ts';
import { parsePlaylist, serializePlaylist } from '../../../src/containers/m3u8/index.ts';
import {
  parseAudioSpecificConfig,
  parseAvcConfig,
  parseHevcConfig,
  parseOpusHead,
  serializeAudioSpecificConfig,
  serializeAvcConfig,
  serializeHevcConfig,
  serializeOpusHead,
} from '../../../src/media/index.ts';
import { parseMessage } from '../../../src/wire/rtmp/index.ts';
import { serializeMessage } from '../../../src/wire/rtmp/messages/message.ts';
import { parseRtpPacket } from '../../../src/wire/rtp/index.ts';
import { serializeRtpPacket } from '../../../src/wire/rtp/packet.ts';
import {
  parseChallenge,
  parseTransports,
  RtspReader,
  serializeDigest,
  serializeMessage as serializeRtsp,
  serializeTransport,
} from '../../../src/wire/rtsp/index.ts';
import type { FuzzTarget } from '../judge.ts';
import { named, seedFiles } from './seed-files.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** What an input reads as, and what that is when it was written and read again; null: it cannot be read. */
type Trip = (input: Buffer) => readonly [unknown, unknown] | null;

/** A reader that throws, and the writer of what it gives. */
function trip<T>(read: (input: Buffer) => T, write: (value: T) => Buffer): Trip {
  return (input) => {
    const value = read(input);
    return [value, read(write(value))];
  };
}

function rtspTrip(input: Buffer): readonly [unknown, unknown] | null {
  const [reader, again] = [new RtspReader(), new RtspReader()];
  reader.push(input);
  const message = reader.next();
  if (message === null || message.kind === 'interleaved') return null;
  again.push(serializeRtsp(message));
  const read = again.next();
  if (read === null || read.kind === 'interleaved') return [message.kind, 'nothing'];
  // the length is written anew, and all white space in a field's value may be another
  const facts = ({ headers, ...rest }: typeof message): unknown => [
    rest,
    [...headers].filter(([name]) => name.toLowerCase() !== 'content-length'),
  ];
  return [facts(message), facts(read)];
}

const TRIPS: readonly Trip[] = [
  trip(parseAmf0, (values) => serializeAmf0(...values)),
  trip((input) => parseAvcConfig(input).track, serializeAvcConfig),
  trip((input) => parseHevcConfig(input).track, serializeHevcConfig),
  trip(parseAudioSpecificConfig, serializeAudioSpecificConfig),
  trip(parseOpusHead, serializeOpusHead),
  trip(
    (input) => parseMessage({ typeId: input[0] ?? 0, streamId: 1, timestamp: 7, payload: input.subarray(1) }),
    (message) => {
      const { typeId, payload } = serializeMessage(message);
      return Buffer.concat([Buffer.from([typeId]), payload]);
    },
  ),
  (input) => {
    const packet = parseRtpPacket(input);
    return 'problem' in packet ? null : [packet, parseRtpPacket(serializeRtpPacket(packet))];
  },
  (input) => {
    const found = parseTransports(input.toString('latin1'));
    return [found, parseTransports(found.map(serializeTransport).join(','))];
  },
  (input) => {
    const challenge = parseChallenge(input.toString('latin1'));
    if (challenge === null) return null;
    const again = parseChallenge(serializeDigest(Object.fromEntries(challenge.parameters)));
    return [challenge.parameters, again?.parameters];
  },
  (input) => {
    const playlist = parsePlaylist(input.toString());
    return playlist === null ? null : [playlist, parsePlaylist(serializePlaylist(playlist))];
  },
  rtspTrip,
];

const SEEDS: readonly (readonly [trip: number, input: Buffer])[] = [
  [
    0,
    hex('02 0001 61 03 0001 62 00 3ff0000000000000 000009 0b 4270000000000000 0000 0c 00000001 61 08 00000000 000009'),
  ],
  [1, hex('01 64001e ff e1 0019 67 64001eacd940a02ff9610000030001000003003c0f162d96 01 0006 68ebe3cb22c0')],
  [2, hex('01 0160000000b0000000000078 f000 fc fd f8 f8 0000 0f 01 21 0001 0004 42010101')],
  [3, hex('1190 56e500')],
  [3, hex('2b92 0800')],
  [4, hex('4f70757348656164 01 02 3801 80bb0000 0000 00')],
  [5, hex('14 020007 636f6e6e656374 00 3ff0000000000000 05')],
  [5, hex('0f 00 11 09 05 01 04 01 06 03 61')],
  [5, hex('16 08 000002 000001 00 000000 af01 0000000d')],
  [6, hex('b0e00001 00000001 deadbeef bede0001 10ff0000 aabbcc01')],
  [7, Buffer.from('RTP/AVP/TCP;unicast;interleaved=0-1;mode=record,RTP/AVP;unicast;client_port=5000-5001')],
  [8, Buffer.from('Digest realm="a\\"b", nonce=c, qop="auth,auth-int"')],
  [9, Buffer.from('#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXT-X-DISCONTINUITY\n#EXTINF:2.96,\na.ts\n#EXT-X-ENDLIST\n')],
  ...seedFiles('*.rtsp').map((dialog) => [10, dialog] as const),
];

/** The first byte of the input says which of them it is for. */
const roundTrips: FuzzTarget = {
  name: 'round-trips',
  seeds: SEEDS.map(([i, input]) => Buffer.concat([Buffer.from([i]), input])),
  run: (pieces, out) => {
    const input = Buffer.concat(pieces);
    const i = (input[0] ?? 0) % TRIPS.length;
    const result = TRIPS[i]?.(input.subarray(1)) ?? null;
    out.push({ name: `${i}: ${result === null ? 'unreadable' : 'read'}` });
    if (result === null) return;
    const [value, again] = result;
    if (!isDeepStrictEqual(value, again)) {
      throw new Error(
        `read ${i}: ${JSON.stringify(value)?.slice(0, 300)}\nread again: ${JSON.stringify(again)?.slice(0, 300)}`,
      );
    }
  },
  allows: named('Amf0Error', 'CodecError', 'RtmpError', 'RtspError'),
};

export const ROUND_TRIP_TARGETS: readonly FuzzTarget[] = [roundTrips];
