/** How each codec goes into an MP4 file: its sample entry, its name in `CODECS`, its unit of time. A new codec is a case here. */
import {
  type AacTrack,
  CodecError,
  type H264Track,
  type H265Track,
  type OpusTrack,
  opusPacketDuration,
  type PlainAudioTrack,
  parseMpegAudioHeader,
  serializeAvcConfig,
  serializeHevcConfig,
  serializeOpusHead,
  type Track,
  type VideoTrack,
} from '../../media/index.ts';
import { box, u16, u32, zeros } from './box.ts';
import { esdsBox } from './descriptor.ts';

/** Ticks a second of every video track: 1 ms and the frame rates in use are whole numbers of them. */
const VIDEO_TIMESCALE = 90_000;
/** objectTypeIndication (ISO 14496-1 table 5 and mp4ra.org). */
const OBJECT_TYPE = { aac: 0x40, mpeg2Audio: 0x69, mpeg1Audio: 0x6b } as const;
/** MPEG-1 audio has sampling rates from this on, MPEG-2 those below. Hz. */
const MPEG1_MIN_RATE = 32000;
/** Sizes and rates in sample entries have 16 bits. */
const MAX_U16 = 0xffff;

export interface TrackFormat {
  readonly kind: 'video' | 'audio';
  /** Ticks a second. */
  readonly timescale: number;
  /** Whole box for the stsd. */
  readonly sampleEntry: Buffer;
  /** As RFC 6381 has it, e.g. `avc1.64001f`. */
  readonly codecString: string;
  /** Pixels; 0 for audio. */
  readonly width: number;
  readonly height: number;
  /** How long a frame plays by what its codec says, in ticks; null where it does not say. */
  readonly frameTicks: (data: Buffer) => number | null;
}

/** Null where the codec is not carried, or the track cannot be told to a decoder (no SPS, too many channels). */
export function trackFormat(track: Track): TrackFormat | null {
  try {
    switch (track.codec) {
      case 'H264':
        return h264Format(track);
      case 'H265':
        return h265Format(track);
      case 'AAC':
        return aacFormat(track);
      case 'OPUS':
        return opusFormat(track);
      case 'MP3':
        return mp3Format(track);
      // there are sample entries for G711, but no browser takes them
      case 'PCMA':
      case 'PCMU':
        return null;
    }
  } catch (error) {
    if (error instanceof CodecError) return null;
    throw error;
  }
}

function h264Format(track: H264Track): TrackFormat {
  const config = serializeAvcConfig(track);
  // profile, compatibility and level follow the record's version (ISO 14496-15 5.3.3.1)
  return videoFormat(track, 'avc1', box('avcC', config), `avc1.${config.toString('hex', 1, 4)}`);
}

function h265Format(track: H265Track): TrackFormat {
  const config = serializeHevcConfig(track);
  return videoFormat(track, 'hvc1', box('hvcC', config), `hvc1.${hevcProfile(config)}`);
}

/** Profile, compatibility, tier and level, constraints, in the words of ISO 14496-15 annex E.3. */
function hevcProfile(config: Buffer): string {
  const first = config.readUInt8(1);
  const space = ['', 'A', 'B', 'C'][first >> 6] ?? '';
  const compatibility = reverseBits(config.readUInt32BE(2)).toString(16).toUpperCase();
  const tier = (first & 0x20) === 0 ? 'L' : 'H';
  const constraints: string[] = Array.from(config.subarray(6, 12), (byte) => byte.toString(16).toUpperCase());
  while (constraints.at(-1) === '0') constraints.pop();
  return [`${space}${first & 0x1f}`, compatibility, `${tier}${config.readUInt8(12)}`, ...constraints].join('.');
}

function reverseBits(word: number): number {
  let reversed = 0;
  for (let bit = 0; bit < 32; bit++) reversed = reversed * 2 + ((word >>> bit) & 1);
  return reversed;
}

function aacFormat(track: AacTrack): TrackFormat {
  const samples = aacFrameSamples(track.config);
  return audioFormat(track, {
    sampleEntry: audioSampleEntry('mp4a', track, esdsBox(OBJECT_TYPE.aac, track.config)),
    codecString: `mp4a.40.${aacObjectType(track.config)}`,
    frameTicks: () => samples,
  });
}

/** Audio object type, ISO 14496-3 1.6.2.1. */
function aacObjectType(config: Buffer): number {
  const first = config[0] ?? 0;
  const type = first >> 3;
  return type === 31 ? 32 + ((first & 7) << 3) + ((config[1] ?? 0) >> 5) : type;
}

/** 960 where frameLengthFlag follows a plain opening (object type 1 to 4, a rate of the table); else 1024. */
function aacFrameSamples(config: Buffer): number {
  if (config.length < 2) return 1024;
  const opening = config.readUInt16BE(0);
  const plain = opening >> 11 <= 4 && ((opening >> 7) & 15) !== 15;
  return plain && (opening & 4) !== 0 ? 960 : 1024;
}

function opusFormat(track: OpusTrack): TrackFormat {
  return audioFormat(track, {
    sampleEntry: audioSampleEntry('Opus', track, box('dOps', opusSpecific(track))),
    codecString: 'opus',
    frameTicks: (data) => readable(() => opusPacketDuration(data) * (track.sampleRate / 1000)),
  });
}

/** The fields of the Ogg header, but version 0 and big endian (Opus in ISO base media, 4.3.2). */
function opusSpecific(track: OpusTrack): Buffer {
  const head = serializeOpusHead(track).subarray(8);
  const specific = Buffer.from(head);
  specific.writeUInt8(0, 0);
  specific.writeUInt16BE(head.readUInt16LE(2), 2); // PreSkip
  specific.writeUInt32BE(head.readUInt32LE(4), 4); // InputSampleRate
  specific.writeInt16BE(head.readInt16LE(8), 8); // OutputGain
  return specific;
}

function mp3Format(track: PlainAudioTrack): TrackFormat {
  const objectType = track.sampleRate < MPEG1_MIN_RATE ? OBJECT_TYPE.mpeg2Audio : OBJECT_TYPE.mpeg1Audio;
  return audioFormat(track, {
    sampleEntry: audioSampleEntry('mp4a', track, esdsBox(objectType, zeros(0))),
    codecString: `mp4a.${objectType.toString(16).toUpperCase()}`,
    frameTicks: (data) => readable(() => Math.round((parseMpegAudioHeader(data).durationMs * track.sampleRate) / 1000)),
  });
}

function readable(read: () => number): number | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof CodecError) return null;
    throw error;
  }
}

function videoFormat(track: VideoTrack, type: string, configBox: Buffer, codecString: string): TrackFormat {
  const width = Math.min(track.width, MAX_U16);
  const height = Math.min(track.height, MAX_U16);
  // VisualSampleEntry, ISO 14496-12 12.1.3
  const sampleEntry = box(
    type,
    zeros(6),
    u16(1), // data_reference_index
    zeros(16),
    u16(width, height),
    u32(0x480000, 0x480000, 0), // 72 dpi, reserved
    u16(1), // frame_count
    zeros(32), // compressorname
    u16(0x18, 0xffff), // depth, pre_defined
    configBox,
  );
  return { kind: 'video', timescale: VIDEO_TIMESCALE, sampleEntry, codecString, width, height, frameTicks: () => null };
}

function audioFormat(
  track: { readonly sampleRate: number },
  row: Pick<TrackFormat, 'sampleEntry' | 'codecString' | 'frameTicks'>,
): TrackFormat {
  return { kind: 'audio', timescale: track.sampleRate, width: 0, height: 0, ...row };
}

/** AudioSampleEntry, ISO 14496-12 12.2.3. */
function audioSampleEntry(
  type: string,
  track: { readonly sampleRate: number; readonly channels: number },
  configBox: Buffer,
): Buffer {
  // a rate that does not fit is left to the codec's own configuration, as are channels that are not known
  const rate = track.sampleRate > MAX_U16 ? 0 : track.sampleRate;
  return box(
    type,
    zeros(6),
    u16(1), // data_reference_index
    zeros(8),
    u16(track.channels === 0 ? 2 : track.channels, 16),
    zeros(4),
    u32(rate * 0x10000),
    configBox,
  );
}
