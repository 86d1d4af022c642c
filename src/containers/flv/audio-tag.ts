/** The body of an FLV audio tag, which is an RTMP audio message too: legacy and enhanced, both ways. */
import type { AudioCodec, AudioFrame, AudioTrack } from '../../media/index.ts';
import {
  aacTrack,
  CodecError,
  NO_BYTES,
  opusPacketChannels,
  opusTrack,
  parseMpegAudioHeader,
  parseOpusHead,
  sameTrack,
  serializeOpusHead,
} from '../../media/index.ts';
import { EX_PACKET, printableFourCc, readExPacket, skipModEx } from './ex-header.ts';

export type AudioTag =
  | { readonly kind: 'config'; readonly track: AudioTrack }
  | {
      readonly kind: 'frame';
      readonly codec: AudioCodec;
      /** A view of the body. */
      readonly data: Buffer;
      /** Codecs without a sequence header: the track that begins with this frame; null where it goes on. */
      readonly newTrack: AudioTrack | null;
    }
  | { readonly kind: 'end-of-sequence' }
  | { readonly kind: 'ignored'; readonly why: string }
  | { readonly kind: 'unsupported'; readonly codecName: string }
  | { readonly kind: 'corrupt'; readonly why: string };

const SOUND_FORMAT = { mp3: 2, pcma: 7, pcmu: 8, exHeader: 9, aac: 10, mp3At8kHz: 14 } as const;
/** Names of the SoundFormats that are not carried (annex E.4.2.1, and what others added). */
const OTHER_FORMATS: Readonly<Record<number, string>> = {
  0: 'Linear PCM',
  1: 'ADPCM',
  3: 'Linear PCM, little endian',
  4: 'Nellymoser 16 kHz',
  5: 'Nellymoser 8 kHz',
  6: 'Nellymoser',
  11: 'Speex',
  13: 'Opus (SoundFormat 13)',
  15: 'device-specific sound',
};
const AAC_PACKET = { sequenceHeader: 0, raw: 1 } as const;
const EX_MULTITRACK = 5;
const FOUR_CC = { aac: 'mp4a', opus: 'Opus', mp3: '.mp3' } as const;
const G711_SAMPLE_RATE = 8000;

const SIZE_16_BIT = 2;
const STEREO = 1;
/** SoundRate, by Hz; AAC says 44 kHz and stereo always (E.4.2.1). */
const SOUND_RATE: Readonly<Record<number, number>> = { 5512: 0, 11025: 1, 22050: 2, 44100: 3 };
const AAC_FLAGS = (SOUND_FORMAT.aac << 4) | (3 << 2) | SIZE_16_BIT | STEREO;

/** Reads the audio tags of one stream in turn: it remembers which track is under way. */
export class AudioTagParser {
  #track: AudioTrack | null = null;

  /** Never throws: what breaks the rules comes back as `corrupt`. */
  parse(body: Buffer): AudioTag {
    try {
      const first = body[0];
      if (first === undefined) return { kind: 'ignored', why: 'empty audio tag' };
      return first >> 4 === SOUND_FORMAT.exHeader ? this.#enhanced(body, first) : this.#legacy(body, first);
    } catch (error) {
      if (error instanceof CodecError) return { kind: 'corrupt', why: error.message };
      throw error;
    }
  }

  #legacy(body: Buffer, first: number): AudioTag {
    const format = first >> 4;
    switch (format) {
      case SOUND_FORMAT.aac:
        return this.#legacyAac(body);
      case SOUND_FORMAT.mp3:
      case SOUND_FORMAT.mp3At8kHz:
        return this.#mp3(body.subarray(1));
      case SOUND_FORMAT.pcma:
      case SOUND_FORMAT.pcmu: {
        const codec = format === SOUND_FORMAT.pcma ? 'PCMA' : 'PCMU';
        const channels = (first & STEREO) === 0 ? 1 : 2;
        return this.#frame(body.subarray(1), { kind: 'audio', codec, sampleRate: G711_SAMPLE_RATE, channels });
      }
      default:
        return { kind: 'unsupported', codecName: OTHER_FORMATS[format] ?? `FLV sound format ${format}` };
    }
  }

  #legacyAac(body: Buffer): AudioTag {
    const packetType = body[1];
    if (packetType === undefined) return { kind: 'corrupt', why: 'AAC tag of 1 byte, at least 2 are needed' };
    if (packetType === AAC_PACKET.sequenceHeader) return this.#aacConfig(body.subarray(2));
    if (packetType === AAC_PACKET.raw) return this.#aac(body.subarray(2));
    return { kind: 'ignored', why: `AAC packet type ${packetType}` };
  }

  #enhanced(body: Buffer, first: number): AudioTag {
    const { packetType, at } = skipModEx(body, 1, first & 0x0f);
    const packet = readExPacket(body, at, packetType, EX_MULTITRACK);
    if (packet === null) return { kind: 'ignored', why: 'an audio track other than 0' };
    const { fourCc } = packet;
    if (fourCc !== FOUR_CC.aac && fourCc !== FOUR_CC.opus && fourCc !== FOUR_CC.mp3) {
      return { kind: 'unsupported', codecName: printableFourCc(fourCc) };
    }
    switch (packet.packetType) {
      case EX_PACKET.sequenceStart:
        if (fourCc === FOUR_CC.aac) return this.#aacConfig(packet.body);
        if (fourCc === FOUR_CC.opus) return this.#config(parseOpusHead(packet.body));
        return { kind: 'ignored', why: 'MP3 has no sequence header' };
      case EX_PACKET.codedFrames:
        if (fourCc === FOUR_CC.aac) return this.#aac(packet.body);
        return fourCc === FOUR_CC.opus ? this.#opus(packet.body) : this.#mp3(packet.body);
      case EX_PACKET.sequenceEnd:
        return { kind: 'end-of-sequence' };
      default:
        return { kind: 'ignored', why: `enhanced audio packet type ${packet.packetType}` };
    }
  }

  #aacConfig(config: Buffer): AudioTag {
    if (config.length === 0) return { kind: 'ignored', why: 'empty AudioSpecificConfig' };
    // copied, so that a track does not keep the bytes alive that it came in
    return this.#config(aacTrack(Buffer.from(config)));
  }

  #config(track: AudioTrack): AudioTag {
    this.#track = track;
    return { kind: 'config', track };
  }

  #aac(data: Buffer): AudioTag {
    if (this.#track?.codec !== 'AAC') return { kind: 'ignored', why: 'AAC before its sequence header' };
    return this.#frame(data, this.#track);
  }

  #mp3(data: Buffer): AudioTag {
    if (data.length === 0) return { kind: 'ignored', why: 'empty audio frame' };
    const { sampleRate, channels } = parseMpegAudioHeader(data);
    return this.#frame(data, { kind: 'audio', codec: 'MP3', sampleRate, channels });
  }

  #opus(data: Buffer): AudioTag {
    // without a header the packet itself says mono or stereo
    const track = this.#track?.codec === 'OPUS' ? this.#track : opusTrack(opusPacketChannels(data));
    return this.#frame(data, track);
  }

  #frame(data: Buffer, track: AudioTrack): AudioTag {
    if (data.length === 0) return { kind: 'ignored', why: 'empty audio frame' };
    const newTrack = sameTrack(track, this.#track) ? null : track;
    if (newTrack !== null) this.#track = newTrack;
    return { kind: 'frame', codec: track.codec, data, newTrack };
  }
}

/**
 * The body of a sequence header; empty for codecs that have none.
 * @throws CodecError where the track cannot be expressed
 */
export function audioConfigTagBody(track: AudioTrack): Buffer {
  if (track.codec === 'AAC') return Buffer.concat([Buffer.from([AAC_FLAGS, AAC_PACKET.sequenceHeader]), track.config]);
  if (track.codec !== 'OPUS') return NO_BYTES;
  const header = Buffer.from([(SOUND_FORMAT.exHeader << 4) | EX_PACKET.sequenceStart]);
  return Buffer.concat([header, Buffer.from(FOUR_CC.opus, 'latin1'), serializeOpusHead(track)]);
}

/** How many bytes stand before the audio data in a frame's body. */
export function audioTagPrefixSize(codec: AudioCodec): number {
  if (codec === 'AAC') return 2;
  return codec === 'OPUS' ? 5 : 1;
}

/**
 * Writes what stands before the audio data in a frame's body; `frame.data` follows it.
 * @param track says rate and channels of MP3 and G711; null where it is not known, as for 44.1 kHz and mono
 * @returns how many bytes it wrote: `audioTagPrefixSize`
 */
export function audioTagPrefix(frame: AudioFrame, track: AudioTrack | null, target: Buffer, offset: number): number {
  switch (frame.codec) {
    case 'AAC':
      target[offset] = AAC_FLAGS;
      target[offset + 1] = AAC_PACKET.raw;
      return 2;
    case 'OPUS':
      target[offset] = (SOUND_FORMAT.exHeader << 4) | EX_PACKET.codedFrames;
      target.write(FOUR_CC.opus, offset + 1, 'latin1');
      return 5;
    case 'MP3':
      target[offset] = mp3Flags(track?.sampleRate ?? 44100) | channelFlag(track);
      return 1;
    case 'PCMA':
      target[offset] = (SOUND_FORMAT.pcma << 4) | SIZE_16_BIT | channelFlag(track);
      return 1;
    case 'PCMU':
      target[offset] = (SOUND_FORMAT.pcmu << 4) | SIZE_16_BIT | channelFlag(track);
      return 1;
  }
}

/** Rates that FLV cannot say are said to be 44.1 kHz, as others do: decoders read the frame's own header. */
function mp3Flags(sampleRate: number): number {
  if (sampleRate === 8000) return (SOUND_FORMAT.mp3At8kHz << 4) | SIZE_16_BIT;
  return (SOUND_FORMAT.mp3 << 4) | ((SOUND_RATE[sampleRate] ?? 3) << 2) | SIZE_16_BIT;
}

function channelFlag(track: AudioTrack | null): number {
  return (track?.channels ?? 1) > 1 ? STEREO : 0;
}

/** The whole body of a frame, in a new buffer; `track` as in `audioTagPrefix`. */
export function audioTagBody(frame: AudioFrame, track: AudioTrack | null): Buffer {
  const body = Buffer.allocUnsafe(audioTagPrefixSize(frame.codec) + frame.data.length);
  frame.data.copy(body, audioTagPrefix(frame, track, body, 0));
  return body;
}
