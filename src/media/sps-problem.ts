/** Why the size of a track's picture is not known. */
import { parseAvcSps } from './avc.ts';
import { CodecError } from './codec-error.ts';
import { parseHevcSps } from './hevc.ts';
import type { VideoTrack } from './track.ts';

/** What is wrong with the track's first SPS; null where it can be read, or there is none. */
export function spsProblem(track: VideoTrack): CodecError | null {
  const [sps] = track.sps;
  if (sps === undefined) return null;
  try {
    if (track.codec === 'H264') parseAvcSps(sps);
    else parseHevcSps(sps);
    return null;
  } catch (error) {
    if (error instanceof CodecError) return error;
    throw error;
  }
}
