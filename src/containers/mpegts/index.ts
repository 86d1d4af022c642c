/** MPEG transport streams (ISO 13818-1): the output format `ts`, and a demuxer. */
export { TsDemuxer } from './demuxer.ts';
export type { TsEvent } from './events.ts';
export { tsFormat } from './format.ts';
