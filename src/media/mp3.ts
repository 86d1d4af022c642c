/** What an MPEG audio frame's header says (ISO 11172-3 2.4.1.3, ISO 13818-3): rate, channels, duration. */
import { CodecError, tooShort } from './codec-error.ts';

const HEADER_BYTES = 4;

/** Hz by sampling_frequency, MPEG-1; MPEG-2 has half of it, MPEG-2.5 a quarter. */
const SAMPLE_RATES = [44100, 48000, 32000] as const;
/** Samples a frame by layer, MPEG-1; layer III of the lower rates has half. */
const LAYER_SAMPLES: Readonly<Record<1 | 2 | 3, number>> = { 1: 384, 2: 1152, 3: 1152 };

export interface MpegAudioHeader {
  readonly layer: 1 | 2 | 3;
  /** Hz. */
  readonly sampleRate: number;
  readonly channels: 1 | 2;
  readonly samples: number;
  readonly durationMs: number;
}

/** @throws CodecError where `data` does not begin with a frame header */
export function parseMpegAudioHeader(data: Buffer): MpegAudioHeader {
  if (data.length < HEADER_BYTES) throw tooShort('MPEG audio frame', data.length, HEADER_BYTES);
  const word = data.readUInt32BE(0);
  if (word >>> 21 !== 0x7ff)
    throw new CodecError(`no MPEG audio syncword: 0x${(word >>> 20).toString(16)}`, word >>> 20);
  const version = (word >>> 19) & 3;
  const layer = layerOf((word >>> 17) & 3);
  const rate = SAMPLE_RATES[(word >>> 10) & 3];
  if (version === 1 || layer === null || rate === undefined) {
    throw new CodecError(`reserved values in an MPEG audio header: 0x${word.toString(16)}`, word);
  }
  const divisor = version === 3 ? 1 : version === 2 ? 2 : 4;
  const sampleRate = rate / divisor;
  const samples = layer === 3 && divisor > 1 ? LAYER_SAMPLES[3] / 2 : LAYER_SAMPLES[layer];
  const channels = ((word >>> 6) & 3) === 3 ? 1 : 2;
  return { layer, sampleRate, channels, samples, durationMs: (samples * 1000) / sampleRate };
}

function layerOf(bits: number): 1 | 2 | 3 | null {
  if (bits === 3) return 1;
  if (bits === 2) return 2;
  return bits === 1 ? 3 : null;
}
