/** Fragmented MP4 (ISO 14496-12, -14, -15): the initialisation segment, and fragments of H264, H265, AAC, Opus and MP3. */
export { Fmp4FragmentMuxer, type Fragment } from './fragment-muxer.ts';
export { createFmp4Init } from './init.ts';
