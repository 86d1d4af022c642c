/** The output format `ts` that the hub fans out. */
import { type Muxer, NO_BYTES, type OutputFormat, type Tracks } from '../../media/index.ts';
import { carriesCodec, TsMuxer } from './muxer.ts';

/** MPEG-TS with H264, H265, AAC, MP3 and Opus. */
export const tsFormat: OutputFormat = {
  name: 'ts',
  preamble: () => NO_BYTES,
  createMuxer: (tracks: Tracks): Muxer => new TsMuxer(tracks),
  carries: carriesCodec,
};
