/** The body of an FLV video tag, which is an RTMP video message too: legacy and enhanced, both ways. */
import type { VideoCodec, VideoFrame, VideoTrack } from '../../media/index.ts';
import {
  CodecError,
  checkNalUnits,
  ExcessError,
  NAL_LENGTH_SIZE,
  parseAvcConfig,
  parseHevcConfig,
  serializeAvcConfig,
  serializeHevcConfig,
  widenNalLengths,
} from '../../media/index.ts';
import { EX_PACKET, printableFourCc, readExPacket, skipModEx } from './ex-header.ts';

/** How H265 is written: as players of Chinese CDNs expect it, or by the FourCC `hvc1` of enhanced RTMP. */
export type HevcTagging = 'codec-id-12' | 'enhanced';

export type VideoTag =
  | { readonly kind: 'config'; readonly track: VideoTrack }
  | {
      readonly kind: 'frame';
      readonly codec: VideoCodec;
      readonly key: boolean;
      /** pts - dts, milliseconds. */
      readonly compositionTime: number;
      /** NAL units behind 4-byte lengths: a view of the body where they were so. */
      readonly data: Buffer;
    }
  | { readonly kind: 'end-of-sequence' }
  | { readonly kind: 'ignored'; readonly why: string }
  | { readonly kind: 'unsupported'; readonly codecName: string }
  /** `excessive`: there is more in it than this server takes. */
  | { readonly kind: 'corrupt' | 'excessive'; readonly why: string };

const CODEC_ID = { avc: 7, hevc: 12 } as const;
/** Names of the CodecIDs that are not carried (annex E.4.3.1, and what others added). */
const OTHER_CODECS: Readonly<Record<number, string>> = {
  2: 'Sorenson H.263',
  3: 'Screen video',
  4: 'VP6',
  5: 'VP6 with alpha',
  6: 'Screen video 2',
  13: 'AV1',
  14: 'VVC',
};
const FOUR_CC: Readonly<Record<VideoCodec, string>> = { H264: 'avc1', H265: 'hvc1' };

const FRAME_TYPE = { key: 1, inter: 2, generatedKey: 4, command: 5 } as const;
const PACKET_TYPE = { sequenceHeader: 0, nalUnits: 1, endOfSequence: 2 } as const;
const EX_HEADER = 0x80;
const EX_MULTITRACK = 6;
const COMPOSITION_TIME_BYTES = 3;
/** Frame type and codec, packet type, composition time. */
const LEGACY_PREFIX_BYTES = 2 + COMPOSITION_TIME_BYTES;
/** Header, FourCC, composition time. */
const EX_PREFIX_BYTES = 1 + 4 + COMPOSITION_TIME_BYTES;
/** SI24. */
const MIN_COMPOSITION_TIME = -0x800000;
const MAX_COMPOSITION_TIME = 0x7fffff;

/** Reads the video tags of one stream in turn: it remembers what the sequence header said of codec and lengths. */
export class VideoTagParser {
  #codec: VideoCodec | null = null;
  #nalLengthSize = NAL_LENGTH_SIZE;

  /** Never throws: what breaks the rules comes back as `corrupt`. */
  parse(body: Buffer): VideoTag {
    try {
      const first = body[0];
      if (first === undefined) return { kind: 'ignored', why: 'empty video tag' };
      return (first & EX_HEADER) === 0 ? this.#legacy(body, first) : this.#enhanced(body, first);
    } catch (error) {
      if (error instanceof CodecError) return { kind: 'corrupt', why: error.message };
      throw error;
    }
  }

  #legacy(body: Buffer, first: number): VideoTag {
    const frameType = first >> 4;
    if (frameType === FRAME_TYPE.command) return { kind: 'ignored', why: 'video command' };
    const codec = legacyCodec(first & 0x0f);
    if (codec === null) {
      const id = first & 0x0f;
      return { kind: 'unsupported', codecName: OTHER_CODECS[id] ?? `FLV video codec ${id}` };
    }
    if (body.length < LEGACY_PREFIX_BYTES) {
      return { kind: 'corrupt', why: `video tag of ${body.length} bytes, at least ${LEGACY_PREFIX_BYTES} are needed` };
    }
    const payload = body.subarray(LEGACY_PREFIX_BYTES);
    const packetType = body[1] ?? 0;
    switch (packetType) {
      case PACKET_TYPE.sequenceHeader:
        return this.#config(codec, payload);
      case PACKET_TYPE.nalUnits:
        return this.#frame(codec, frameType, body.readIntBE(2, COMPOSITION_TIME_BYTES), payload);
      case PACKET_TYPE.endOfSequence:
        return { kind: 'end-of-sequence' };
      default:
        return { kind: 'ignored', why: `video packet type ${packetType}` };
    }
  }

  #enhanced(body: Buffer, first: number): VideoTag {
    const frameType = (first >> 4) & 7;
    const { packetType, at } = skipModEx(body, 1, first & 0x0f);
    if (frameType === FRAME_TYPE.command && packetType !== EX_PACKET.metadata) {
      return { kind: 'ignored', why: 'video command' };
    }
    const packet = readExPacket(body, at, packetType, EX_MULTITRACK);
    if (packet === null) return { kind: 'ignored', why: 'a video track other than 0' };
    const codec = fourCcCodec(packet.fourCc);
    if (codec === null) return { kind: 'unsupported', codecName: printableFourCc(packet.fourCc) };
    switch (packet.packetType) {
      case EX_PACKET.sequenceStart:
        return this.#config(codec, packet.body);
      case EX_PACKET.codedFrames:
        if (packet.body.length < COMPOSITION_TIME_BYTES) return { kind: 'corrupt', why: 'no composition time' };
        return this.#frame(
          codec,
          frameType,
          packet.body.readIntBE(0, COMPOSITION_TIME_BYTES),
          packet.body.subarray(COMPOSITION_TIME_BYTES),
        );
      case EX_PACKET.codedFramesX:
        return this.#frame(codec, frameType, 0, packet.body);
      case EX_PACKET.sequenceEnd:
        return { kind: 'end-of-sequence' };
      default:
        return { kind: 'ignored', why: `enhanced video packet type ${packet.packetType}` };
    }
  }

  #config(codec: VideoCodec, record: Buffer): VideoTag {
    if (record.length === 0) return { kind: 'ignored', why: 'empty video sequence header' };
    const { track, nalLengthSize } = codec === 'H264' ? parseAvcConfig(record) : parseHevcConfig(record);
    this.#codec = codec;
    this.#nalLengthSize = nalLengthSize;
    return { kind: 'config', track };
  }

  #frame(codec: VideoCodec, frameType: number, compositionTime: number, payload: Buffer): VideoTag {
    if (codec !== this.#codec) return { kind: 'ignored', why: `${codec} before its sequence header` };
    if (payload.length === 0) return { kind: 'ignored', why: 'empty video frame' };
    const error = checkNalUnits(payload, this.#nalLengthSize);
    if (error !== null) return { kind: error instanceof ExcessError ? 'excessive' : 'corrupt', why: error.message };
    const data = this.#nalLengthSize === NAL_LENGTH_SIZE ? payload : widenNalLengths(payload, this.#nalLengthSize);
    const key = frameType === FRAME_TYPE.key || frameType === FRAME_TYPE.generatedKey;
    return { kind: 'frame', codec, key, compositionTime, data };
  }
}

function legacyCodec(id: number): VideoCodec | null {
  if (id === CODEC_ID.avc) return 'H264';
  return id === CODEC_ID.hevc ? 'H265' : null;
}

function fourCcCodec(fourCc: string): VideoCodec | null {
  if (fourCc === FOUR_CC.H264) return 'H264';
  return fourCc === FOUR_CC.H265 ? 'H265' : null;
}

function isEnhanced(codec: VideoCodec, hevc: HevcTagging): boolean {
  return codec === 'H265' && hevc === 'enhanced';
}

/**
 * The body of a sequence header.
 * @throws CodecError where the track's parameter sets do not fit a configuration record
 */
export function videoConfigTagBody(track: VideoTrack, hevc: HevcTagging = 'codec-id-12'): Buffer {
  const record = track.codec === 'H264' ? serializeAvcConfig(track) : serializeHevcConfig(track);
  if (isEnhanced(track.codec, hevc)) {
    const header = EX_HEADER | (FRAME_TYPE.key << 4) | EX_PACKET.sequenceStart;
    return Buffer.concat([Buffer.from([header]), Buffer.from(FOUR_CC[track.codec], 'latin1'), record]);
  }
  const id = track.codec === 'H264' ? CODEC_ID.avc : CODEC_ID.hevc;
  return Buffer.concat([Buffer.from([(FRAME_TYPE.key << 4) | id, PACKET_TYPE.sequenceHeader, 0, 0, 0]), record]);
}

/** How many bytes stand before the NAL units in a frame's body. */
export function videoTagPrefixSize(codec: VideoCodec, hevc: HevcTagging = 'codec-id-12'): number {
  return isEnhanced(codec, hevc) ? EX_PREFIX_BYTES : LEGACY_PREFIX_BYTES;
}

/**
 * Writes what stands before the NAL units in a frame's body; `frame.data` follows it.
 * @returns how many bytes it wrote: `videoTagPrefixSize`
 */
export function videoTagPrefix(
  frame: VideoFrame,
  target: Buffer,
  offset: number,
  hevc: HevcTagging = 'codec-id-12',
): number {
  const frameType = frame.key ? FRAME_TYPE.key : FRAME_TYPE.inter;
  if (isEnhanced(frame.codec, hevc)) {
    target[offset] = EX_HEADER | (frameType << 4) | EX_PACKET.codedFrames;
    target.write(FOUR_CC[frame.codec], offset + 1, 'latin1');
    target.writeIntBE(compositionTime(frame), offset + 5, COMPOSITION_TIME_BYTES);
    return EX_PREFIX_BYTES;
  }
  target[offset] = (frameType << 4) | (frame.codec === 'H264' ? CODEC_ID.avc : CODEC_ID.hevc);
  target[offset + 1] = PACKET_TYPE.nalUnits;
  target.writeIntBE(compositionTime(frame), offset + 2, COMPOSITION_TIME_BYTES);
  return LEGACY_PREFIX_BYTES;
}

/** Of the rounded times, so that dts + composition time is the rounded pts; held within SI24. */
function compositionTime(frame: VideoFrame): number {
  const time = Math.round(frame.pts) - Math.round(frame.dts);
  return Math.min(MAX_COMPOSITION_TIME, Math.max(MIN_COMPOSITION_TIME, time));
}

/** The whole body of a frame, in a new buffer. */
export function videoTagBody(frame: VideoFrame, hevc: HevcTagging = 'codec-id-12'): Buffer {
  const body = Buffer.allocUnsafe(videoTagPrefixSize(frame.codec, hevc) + frame.data.length);
  frame.data.copy(body, videoTagPrefix(frame, body, 0, hevc));
  return body;
}
