/** The elementary stream descriptor of MPEG-4 audio (ISO 14496-1 7.2.6), which the esds box holds (ISO 14496-14 5.6). */
import { fullBox, u8, u16, zeros } from './box.ts';

const TAG = { es: 0x03, decoderConfig: 0x04, decoderSpecific: 0x05, slConfig: 0x06 } as const;
/** streamType 5 (audio), upStream 0, and the reserved bit, which is 1 (7.2.6.6). */
const AUDIO_STREAM = 0x15;
/** The predefined SL configuration for files (ISO 14496-14 3.1.2). */
const SL_OF_FILES = 2;

/**
 * @param objectType objectTypeIndication, e.g. 0x40 for AAC (7.2.6.6)
 * @param specific what the decoder must know, the AudioSpecificConfig; empty: nothing
 */
export function esdsBox(objectType: number, specific: Buffer): Buffer {
  const bufferAndRates = zeros(3 + 4 + 4); // not known
  const decoderSpecific = specific.length === 0 ? [] : [descriptor(TAG.decoderSpecific, specific)];
  const decoderConfig = descriptor(TAG.decoderConfig, u8(objectType, AUDIO_STREAM), bufferAndRates, ...decoderSpecific);
  const slConfig = descriptor(TAG.slConfig, u8(SL_OF_FILES));
  // ES_ID is 0 in files (ISO 14496-14 3.1.2), no flags
  return fullBox('esds', 0, 0, descriptor(TAG.es, u16(0), u8(0), decoderConfig, slConfig));
}

function descriptor(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  // the size in four groups of 7 bits, each but the last marked by its top bit (ISO 14496-1 8.3.3)
  const groups = [21, 14, 7, 0].map((shift) => ((body.length >> shift) & 0x7f) | (shift > 0 ? 0x80 : 0));
  return Buffer.concat([u8(tag, ...groups), body]);
}
