/** Containers and what lies in them. */
import { FlvDemuxer, parseAmf0 } from '../../../src/containers/flv/index.ts';
import { parsePlaylist } from '../../../src/containers/m3u8/index.ts';
import { TsDemuxer } from '../../../src/containers/mpegts/demuxer.ts';
import { PsDemuxer } from '../../../src/containers/ps/index.ts';
import {
  annexBToNalUnits,
  checkNalUnits,
  h264Track,
  h265Track,
  opusPacketChannels,
  opusPacketDuration,
  parseAdtsHeader,
  parseAudioSpecificConfig,
  parseAvcConfig,
  parseHevcConfig,
  parseMpegAudioHeader,
  parseOpusHead,
  reorderDepth,
  splitNalUnits,
} from '../../../src/media/index.ts';
import { FrameReader } from '../../../src/protocols/gb28181/frame-reader.ts';
import { parseRtpPacket, ReorderBuffer } from '../../../src/wire/rtp/index.ts';
import { serializeRtpPacket } from '../../../src/wire/rtp/packet.ts';
import type { FuzzTarget } from '../judge.ts';
import { named, seedFiles } from './seed-files.ts';
import { AMF0_STRUCTURES, FLV_STRUCTURES, PS_STRUCTURES } from './structures.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** Takes any number, where spread arguments are bounded by the stack. */
function pushAll(out: unknown[], found: readonly unknown[]): void {
  for (const each of found) out.push(each);
}

/** A recording, and a short one: of that more are tried in the same time. */
function withStart(file: Buffer): Buffer[] {
  return [file, file.subarray(0, 20 * 188)];
}

const flv: FuzzTarget = {
  name: 'flv',
  seeds: [...seedFiles('*.flv'), ...FLV_STRUCTURES],
  run: (pieces, out) => {
    const demuxer = new FlvDemuxer();
    for (const piece of pieces) pushAll(out, demuxer.push(piece));
  },
  allows: named('FlvError'),
};

const ts: FuzzTarget = {
  name: 'ts',
  seeds: seedFiles('*.mpegts').flatMap(withStart),
  run: (pieces, out) => {
    const demuxer = new TsDemuxer();
    for (const piece of pieces) pushAll(out, demuxer.push(piece));
    pushAll(out, demuxer.end());
  },
  allows: () => false,
};

const ps: FuzzTarget = {
  name: 'ps',
  seeds: [...seedFiles('*.ps').flatMap(withStart), ...PS_STRUCTURES],
  run: (pieces, out) => {
    const demuxer = new PsDemuxer();
    for (const piece of pieces) pushAll(out, demuxer.push(piece));
    pushAll(out, demuxer.end());
  },
  allows: () => false,
};

/** A file of program streams in RTP packets of up to 1400 bytes, each behind its length, as cameras send it over TCP. */
function cameraOf(file: Buffer): Buffer {
  const packets: Buffer[] = [];
  for (let at = 0; at < file.length; at += 1400) {
    const payload = file.subarray(at, at + 1400);
    const head = { marker: false, payloadType: 96, sequence: packets.length, timestamp: at, ssrc: 7 };
    packets.push(lengthPrefixed(serializeRtpPacket({ ...head, payload })));
  }
  return Buffer.concat(packets);
}

function lengthPrefixed(packet: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(packet.length);
  return Buffer.concat([length, packet]);
}

const gb28181: FuzzTarget = {
  name: 'gb28181',
  seeds: [...seedFiles('*.ps').flatMap(withStart), ...PS_STRUCTURES].map(cameraOf),
  run: (pieces, out) => {
    const reader = new FrameReader();
    const order = new ReorderBuffer({ maxPackets: 8, maxWaitMs: 200 });
    const demuxer = new PsDemuxer();
    for (const bytes of pieces.flatMap((piece) => reader.push(piece))) {
      const packet = parseRtpPacket(bytes);
      if ('problem' in packet) out.push(packet);
      else order.push(packet, 0);
      for (let next = order.next(); next !== null; next = order.next()) {
        if (next.lost > 0 || next.restarted) demuxer.lost();
        pushAll(out, demuxer.push(next.packet.payload));
      }
    }
    pushAll(out, demuxer.end());
    out.push({ kind: 'dropped', frames: demuxer.droppedFrames });
  },
  allows: () => false,
};

/** Objects in objects, as many as fit. */
const NESTED = Buffer.concat([Buffer.alloc(9000, hex('03 0001 61')), Buffer.alloc(3000, hex('0a 00000001'))]);

const amf0: FuzzTarget = {
  name: 'amf0',
  seeds: [
    hex('02 0007 636f6e6e656374 00 3ff0000000000000 03 0003 617070 02 0004 6c697665 0005 747970 65 06 000009'),
    hex('08 00000001 0001 61 0a 00000002 05 01 01 000009 0b 4270000000000000 0000 0c 00000003 616263 07 0000'),
    hex('10 0001 63 0001 78 00 0000000000000000 000009 0f 00000001 61 11'),
    NESTED,
    ...AMF0_STRUCTURES,
  ],
  run: (pieces, out) => {
    pushAll(out, parseAmf0(Buffer.concat(pieces)));
  },
  allows: named('Amf0Error'),
};

/** Units of which a track of its own is made. */
const MAX_UNITS = 64;

/** The first byte says which of the small structures the rest is. */
const codecs: FuzzTarget = {
  name: 'codecs',
  seeds: [
    hex('00 01 64001e ff e1 0019 67 64001eacd940a02ff9610000030001000003003c0f162d96 01 0006 68ebe3cb22c0'),
    hex('01 01 0160000000b0000000000078 f000 fc fd f8 f8 00 00 0f 00'),
    hex('02 1190 56e500'),
    hex('02 2b92 0800'),
    hex('03 fff1 50 80 02 1f fc'),
    hex('04 fffb 9064'),
    hex('05 4f707573 48656164 01 02 3801 80bb0000 0000 00'),
    hex('06 fc ffff'),
    ...seedFiles('*.adts').map((bytes) => Buffer.concat([Buffer.from([3]), bytes])),
    ...seedFiles('h264.annexb').flatMap((bytes) =>
      [7, 8, 10].map((kind) => Buffer.concat([Buffer.from([kind]), bytes])),
    ),
    ...seedFiles('h265.annexb').flatMap((bytes) => [7, 9].map((kind) => Buffer.concat([Buffer.from([kind]), bytes]))),
  ],
  run: (pieces, out) => {
    const input = Buffer.concat(pieces);
    const rest = input.subarray(1);
    switch ((input[0] ?? 0) % 11) {
      case 0:
        out.push(parseAvcConfig(rest));
        return;
      case 1:
        out.push(parseHevcConfig(rest));
        return;
      case 2:
        out.push(parseAudioSpecificConfig(rest));
        return;
      case 3:
        out.push(parseAdtsHeader(rest));
        return;
      case 4:
        out.push(parseMpegAudioHeader(rest));
        return;
      case 5:
        out.push(parseOpusHead(rest));
        return;
      case 6:
        out.push(opusPacketDuration(rest), opusPacketChannels(rest));
        return;
      case 7:
        pushAll(out, annexBToNalUnits(rest));
        return;
      case 8: {
        const units = annexBToNalUnits(rest).slice(0, MAX_UNITS);
        for (const unit of units) {
          const track = h264Track([unit], units);
          out.push(track.width, track.height, reorderDepth(track));
        }
        return;
      }
      case 9: {
        const units = annexBToNalUnits(rest).slice(0, MAX_UNITS);
        for (const unit of units) {
          const track = h265Track([unit], [unit], units);
          out.push(track.width, track.height, reorderDepth(track));
        }
        return;
      }
      default: {
        const error = checkNalUnits(rest);
        if (error === null) pushAll(out, splitNalUnits(rest));
        else out.push(error.message);
      }
    }
  },
  allows: named('CodecError'),
};

const PLAYLIST = `#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:3
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY
#EXTINF:3.000,
a-1700000000000-7.ts
#EXTINF:2.960,
a-1700000003000-8.ts
#EXT-X-ENDLIST
`;

const playlist: FuzzTarget = {
  name: 'playlist',
  seeds: [Buffer.from(PLAYLIST)],
  run: (pieces, out) => {
    out.push(parsePlaylist(Buffer.concat(pieces).toString()));
  },
  allows: () => false,
};

export const CONTAINER_TARGETS: readonly FuzzTarget[] = [flv, ts, ps, gb28181, amf0, codecs, playlist];
