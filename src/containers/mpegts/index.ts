/** MPEG transport streams (ISO 13818-1): the output format `ts`, a demuxer, and what program streams share with them. */
export { AdtsReader } from './audio-reader.ts';
export { EventList, type TsEvent } from './events.ts';
export { tsFormat } from './format.ts';
export { type PesPacket, parsePes, readTimestamp } from './pes.ts';
export { MAX_VIDEO_PES_BYTES } from './pes-assembler.ts';
export { STREAM_TYPE } from './psi.ts';
export { TICKS_PER_MS, unwrapTicks } from './time.ts';
export { VideoReader } from './video-reader.ts';
