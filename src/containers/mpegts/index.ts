/** MPEG transport streams (ISO 13818-1): the output format `ts`, and a demuxer. */
export type { TsEvent } from './events.ts';
export { tsFormat } from './format.ts';
