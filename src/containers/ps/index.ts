/** MPEG program streams (ISO 13818-1 2.5), as cameras send them. */
export { PsDemuxer } from './demuxer.ts';
