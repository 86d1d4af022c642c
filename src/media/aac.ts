/** What AAC's own bytes say: AudioSpecificConfig (ISO 14496-3 1.6.2.1) and the ADTS header (ISO 13818-7 6.2). */
import { BitReader, BitWriter } from './bits.ts';
import { CodecError, tooLarge, tooShort } from './codec-error.ts';
import type { AacTrack } from './track.ts';

/** Hz by samplingFrequencyIndex (ISO 14496-3 table 1.18). */
const SAMPLE_RATES = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350] as const;
/** An index of 15 says that the rate follows in 24 bits. */
const RATE_ESCAPE = 15;
const MAX_SAMPLE_RATE = 0xffffff;
/** Channels by channelConfiguration (table 1.19); 0 stands for "in the program_config_element" or reserved. */
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 8, 0, 0, 0, 7, 8, 24, 8] as const;

const AOT_SBR = 5;
const AOT_PS = 29;
const AOT_ER_BSAC = 22;
const AOT_ESCAPE = 31;
/** Object types whose configuration is a GASpecificConfig (table 1.15). */
const GENERAL_AUDIO: ReadonlySet<number> = new Set([1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23]);
/** Marks what follows a configuration as SBR, then PS, in a way that old decoders skip (1.6.6.2). */
const SYNC_SBR = 0x2b7;
const SYNC_PS = 0x548;

export const ADTS_HEADER_BYTES = 7;
const ADTS_CRC_BYTES = 2;
const MAX_ADTS_FRAME_BYTES = 0x1fff;
/** ADTS has two bits for the object type less one, and three for the channel configuration. */
const MAX_ADTS_OBJECT_TYPE = 4;
const MAX_ADTS_CHANNEL_CONFIGURATION = 7;

/** Spectral band replication and parametric stereo, where a configuration announces them. */
export interface AacExtension {
  /** `hierarchical`: before the core's configuration; `compatible`: after it, where old decoders do not look. */
  readonly signalling: 'hierarchical' | 'compatible';
  /** Hz, of the decoder's output. */
  readonly sampleRate: number;
  readonly parametricStereo: boolean;
}

export interface AudioSpecificConfig {
  /** Audio object type of the core, e.g. 2 for AAC LC (table 1.17). */
  readonly objectType: number;
  /** Hz, of the core: a frame lasts samplesPerFrame / sampleRate. */
  readonly sampleRate: number;
  /** 0: as a program_config_element says. */
  readonly channelConfiguration: number;
  /** Of the core; 0 where they are not known. */
  readonly channels: number;
  readonly samplesPerFrame: 1024 | 960;
  readonly extension: AacExtension | null;
}

/** @throws CodecError where it ends early or is not allowed */
export function parseAudioSpecificConfig(config: Buffer): AudioSpecificConfig {
  const reader = new BitReader(config);
  let objectType = readObjectType(reader);
  const sampleRate = readSampleRate(reader);
  const channelConfiguration = reader.bits(4);
  let extension: AacExtension | null = null;
  if (objectType === AOT_SBR || objectType === AOT_PS) {
    const parametricStereo = objectType === AOT_PS;
    extension = { signalling: 'hierarchical', sampleRate: readSampleRate(reader), parametricStereo };
    objectType = readObjectType(reader);
    if (objectType === AOT_ER_BSAC) reader.skip(4); // extensionChannelConfiguration
  }
  let channels: number = CHANNELS[channelConfiguration] ?? 0;
  let samplesPerFrame: 1024 | 960 = 1024;
  if (GENERAL_AUDIO.has(objectType)) {
    if (reader.flag()) samplesPerFrame = 960;
    if (reader.flag()) reader.skip(14); // coreCoderDelay
    const extended = reader.flag();
    if (channelConfiguration === 0) channels = readProgramChannels(reader);
    // the fields of object types from 6 on are not told apart: what may follow them is left unread
    if (objectType <= 4 && !extended) extension ??= readCompatibleExtension(reader);
  }
  return { objectType, sampleRate, channelConfiguration, channels, samplesPerFrame, extension };
}

function readObjectType(reader: BitReader): number {
  const type = reader.bits(5);
  return type === AOT_ESCAPE ? 32 + reader.bits(6) : type;
}

function readSampleRate(reader: BitReader): number {
  const index = reader.bits(4);
  const rate = index === RATE_ESCAPE ? reader.bits(24) : SAMPLE_RATES[index];
  if (rate === undefined) throw tooLarge('samplingFrequencyIndex', index, SAMPLE_RATES.length - 1);
  if (rate === 0) throw new CodecError('the sampling frequency is 0', 0);
  return rate;
}

/** program_config_element (ISO 14496-3 table 4.2) as far as its channels. */
function readProgramChannels(reader: BitReader): number {
  reader.skip(4 + 2 + 4); // element_instance_tag, object_type, sampling_frequency_index
  const groups = [reader.bits(4), reader.bits(4), reader.bits(4)]; // front, side, back
  const lfe = reader.bits(2);
  const assocData = reader.bits(3);
  const couplings = reader.bits(4);
  if (reader.flag()) reader.skip(4); // mono_mixdown
  if (reader.flag()) reader.skip(4); // stereo_mixdown
  if (reader.flag()) reader.skip(3); // matrix_mixdown
  let channels = lfe;
  for (const count of groups) {
    for (let i = 0; i < count; i++) {
      channels += reader.flag() ? 2 : 1;
      reader.skip(4);
    }
  }
  reader.skip(4 * lfe + 4 * assocData + 5 * couplings);
  reader.align();
  reader.skip(8 * reader.bits(8)); // comment_field_data
  return channels;
}

/** Old decoders stop before this, and so does every configuration without it (1.6.2.1, syncExtensionType). */
function readCompatibleExtension(reader: BitReader): AacExtension | null {
  if (reader.bitsLeft < 16 || reader.bits(11) !== SYNC_SBR) return null;
  if (readObjectType(reader) !== AOT_SBR || reader.bitsLeft < 1 || !reader.flag()) return null;
  const sampleRate = readSampleRate(reader);
  const parametricStereo = reader.bitsLeft >= 12 && reader.bits(11) === SYNC_PS && reader.flag();
  return { signalling: 'compatible', sampleRate, parametricStereo };
}

/** @throws CodecError where the channels are in a program_config_element, or a field does not fit */
export function serializeAudioSpecificConfig(config: AudioSpecificConfig): Buffer {
  const { objectType, sampleRate, channelConfiguration, extension } = config;
  if (!GENERAL_AUDIO.has(objectType) || objectType > MAX_ADTS_OBJECT_TYPE) {
    throw new CodecError(`audio object type ${objectType} cannot be written, 1 to 4 can`, objectType);
  }
  if (channelConfiguration < 1 || channelConfiguration > 15) {
    throw new CodecError(
      `channel configuration ${channelConfiguration} cannot be written, 1 to 15 can`,
      channelConfiguration,
    );
  }
  const writer = new BitWriter();
  const hierarchical = extension?.signalling === 'hierarchical' ? extension : null;
  writer.bits(hierarchical === null ? objectType : hierarchical.parametricStereo ? AOT_PS : AOT_SBR, 5);
  writeSampleRate(writer, sampleRate);
  writer.bits(channelConfiguration, 4);
  if (hierarchical !== null) {
    writeSampleRate(writer, hierarchical.sampleRate);
    writer.bits(objectType, 5);
  }
  writer.bits(config.samplesPerFrame === 960 ? 1 : 0, 1);
  writer.bits(0, 2); // dependsOnCoreCoder, extensionFlag
  if (extension?.signalling === 'compatible') {
    writer.bits(SYNC_SBR, 11);
    writer.bits(AOT_SBR, 5);
    writer.bits(1, 1);
    writeSampleRate(writer, extension.sampleRate);
    if (extension.parametricStereo) {
      writer.bits(SYNC_PS, 11);
      writer.bits(1, 1);
    }
  }
  return writer.toBuffer();
}

function writeSampleRate(writer: BitWriter, rate: number): void {
  if (rate > MAX_SAMPLE_RATE) throw tooLarge('sampling frequency', rate, MAX_SAMPLE_RATE);
  const index = rateIndex(rate);
  writer.bits(index === -1 ? RATE_ESCAPE : index, 4);
  if (index === -1) writer.bits(rate, 24);
}

function rateIndex(rate: number): number {
  return (SAMPLE_RATES as readonly number[]).indexOf(rate);
}

/**
 * A track of this AudioSpecificConfig. Rate and channels are those of the core: with SBR a decoder gives twice the rate,
 * with parametric stereo two channels.
 * @throws CodecError where the configuration cannot be read
 */
export function aacTrack(config: Buffer): AacTrack {
  const { sampleRate, channels } = parseAudioSpecificConfig(config);
  return { kind: 'audio', codec: 'AAC', config, sampleRate, channels };
}

/** The header but for its length, made once a track. */
const adtsTemplates = new WeakMap<AacTrack, Buffer>();

/**
 * The ADTS header (no CRC) for one raw AAC frame of this track.
 * @throws CodecError where ADTS cannot express the object type, the rate, the channels or the length
 */
export function adtsHeader(track: AacTrack, payloadLength: number): Buffer {
  let template = adtsTemplates.get(track);
  if (template === undefined) {
    template = adtsTemplate(parseAudioSpecificConfig(track.config));
    adtsTemplates.set(track, template);
  }
  const length = payloadLength + ADTS_HEADER_BYTES;
  if (length > MAX_ADTS_FRAME_BYTES) throw tooLarge('ADTS frame length', length, MAX_ADTS_FRAME_BYTES);
  const header = Buffer.from(template);
  header[3] = (header[3] ?? 0) | (length >> 11);
  header[4] = (length >> 3) & 0xff;
  header[5] = ((length & 7) << 5) | 0x1f; // adts_buffer_fullness 0x7ff: variable rate
  return header;
}

function adtsTemplate(config: AudioSpecificConfig): Buffer {
  const { objectType, sampleRate, channelConfiguration } = config;
  if (objectType < 1 || objectType > MAX_ADTS_OBJECT_TYPE) {
    throw new CodecError(
      `ADTS has audio object types 1 to ${MAX_ADTS_OBJECT_TYPE}, not ${objectType}`,
      objectType,
      MAX_ADTS_OBJECT_TYPE,
    );
  }
  const index = rateIndex(sampleRate);
  if (index === -1) throw new CodecError(`ADTS cannot express a sampling frequency of ${sampleRate} Hz`, sampleRate);
  if (channelConfiguration < 1 || channelConfiguration > MAX_ADTS_CHANNEL_CONFIGURATION) {
    const allowed = `ADTS has channel configurations 1 to ${MAX_ADTS_CHANNEL_CONFIGURATION}`;
    throw new CodecError(
      `${allowed}, not ${channelConfiguration}`,
      channelConfiguration,
      MAX_ADTS_CHANNEL_CONFIGURATION,
    );
  }
  const profile = objectType - 1;
  return Buffer.from([
    0xff,
    0xf1, // MPEG-4, no CRC
    (profile << 6) | (index << 2) | (channelConfiguration >> 2),
    (channelConfiguration & 3) << 6,
    0,
    0,
    0xfc, // adts_buffer_fullness goes on; one raw data block
  ]);
}

export interface AdtsHeader {
  /** Of the header, the CRC included where there is one. */
  readonly headerLength: number;
  /** Of header and payload together. */
  readonly frameLength: number;
  /** An AudioSpecificConfig that says the same. */
  readonly config: Buffer;
  /** AAC frames in this ADTS frame, 1 to 4. */
  readonly rawDataBlocks: number;
}

/**
 * Reads the ADTS header at the start of `data` (ISO 13818-7 6.2).
 * @throws CodecError where there is none, or it has what an AudioSpecificConfig without more cannot say
 */
export function parseAdtsHeader(data: Buffer): AdtsHeader {
  if (data.length < ADTS_HEADER_BYTES) throw tooShort('ADTS header', data.length, ADTS_HEADER_BYTES);
  const reader = new BitReader(data);
  const sync = reader.bits(12);
  if (sync !== 0xfff) throw new CodecError(`no ADTS syncword: 0x${sync.toString(16)} in place of 0xfff`, sync);
  reader.skip(1); // ID
  if (reader.bits(2) !== 0) throw new CodecError('the layer of an ADTS header is not 0');
  const protectionAbsent = reader.flag();
  const objectType = reader.bits(2) + 1;
  const index = reader.bits(4);
  const sampleRate = SAMPLE_RATES[index];
  if (sampleRate === undefined) throw tooLarge('sampling_frequency_index', index, SAMPLE_RATES.length - 1);
  reader.skip(1); // private_bit
  const channelConfiguration = reader.bits(3);
  reader.skip(4); // originality and copyright
  const frameLength = reader.bits(13);
  reader.skip(11); // adts_buffer_fullness
  const rawDataBlocks = reader.bits(2) + 1;
  const headerLength = ADTS_HEADER_BYTES + (protectionAbsent ? 0 : ADTS_CRC_BYTES);
  if (frameLength < headerLength) throw tooShort('ADTS frame', frameLength, headerLength);
  const channels = CHANNELS[channelConfiguration] ?? 0;
  const config = serializeAudioSpecificConfig({
    objectType,
    sampleRate,
    channelConfiguration,
    channels,
    samplesPerFrame: 1024,
    extension: null,
  });
  return { headerLength, frameLength, config, rawDataBlocks };
}
