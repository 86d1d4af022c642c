/** By how many pictures decoding order and output order differ at most, as a video track's SPS says it. */
import { readAvcSps } from './avc.ts';
import { BitReader } from './bits.ts';
import { CodecError } from './codec-error.ts';
import { readHevcSps } from './hevc.ts';
import { removeEmulationPrevention } from './nal.ts';
import type { VideoTrack } from './track.ts';

const PROFILE_BASELINE = 66;
/** aspect_ratio_idc: width and height follow (ITU-T H.264 table E-1). */
const EXTENDED_SAR = 255;
/** cpb_cnt_minus1 (E.2.2). */
const MAX_CPB_COUNT_MINUS1 = 31;
/** Bounded by MaxDpbFrames (E.2.1; ITU-T H.265 A.4.2). */
const MAX_REORDER_FRAMES = 16;

/**
 * How many pictures may come before any picture in decoding order and after it in output order: 0 for streams without
 * B-frames. Null where the SPS does not say it or cannot be read.
 */
export function reorderDepth(track: VideoTrack): number | null {
  const sps = track.sps[0];
  if (sps === undefined) return null;
  const reader = new BitReader(removeEmulationPrevention(sps));
  try {
    return track.codec === 'H264' ? readAvcDepth(reader) : readHevcDepth(reader);
  } catch (error) {
    if (error instanceof CodecError) return null;
    throw error;
  }
}

function readAvcDepth(reader: BitReader): number | null {
  const { sps, pictureOrderCountType } = readAvcSps(reader);
  // neither has pictures that are shown in another order (ITU-T H.264 A.2.1, 8.2.1.3)
  if (sps.profile === PROFILE_BASELINE || pictureOrderCountType === 2) return 0;
  if (!reader.flag()) return null; // vui_parameters_present_flag
  return readVuiDepth(reader);
}

/** vui_parameters (ITU-T H.264 E.1.1) as far as max_num_reorder_frames. */
function readVuiDepth(reader: BitReader): number | null {
  if (reader.flag() && reader.bits(8) === EXTENDED_SAR) reader.skip(32);
  if (reader.flag()) reader.skip(1); // overscan
  if (reader.flag()) {
    reader.skip(4); // video_format, video_full_range_flag
    if (reader.flag()) reader.skip(24); // colour description
  }
  if (reader.flag()) {
    reader.ue(); // chroma sample location, of both fields
    reader.ue();
  }
  if (reader.flag()) reader.skip(32 + 32 + 1); // timing
  const nalHrd = reader.flag();
  if (nalHrd) skipHrd(reader);
  const vclHrd = reader.flag();
  if (vclHrd) skipHrd(reader);
  if (nalHrd || vclHrd) reader.skip(1); // low_delay_hrd_flag
  reader.skip(1); // pic_struct_present_flag
  if (!reader.flag()) return null; // bitstream_restriction_flag
  reader.skip(1); // motion_vectors_over_pic_boundaries_flag
  // max_bytes_per_pic_denom, max_bits_per_mb_denom, log2_max_mv_length_horizontal and _vertical
  for (let i = 0; i < 4; i++) reader.ue();
  return reader.ueUpTo(MAX_REORDER_FRAMES, 'max_num_reorder_frames');
}

/** hrd_parameters (ITU-T H.264 E.1.2). */
function skipHrd(reader: BitReader): void {
  const count = reader.ueUpTo(MAX_CPB_COUNT_MINUS1, 'cpb_cnt_minus1') + 1;
  reader.skip(8); // bit_rate_scale, cpb_size_scale
  for (let i = 0; i < count; i++) {
    reader.ue();
    reader.ue();
    reader.skip(1);
  }
  reader.skip(20);
}

/** seq_parameter_set_rbsp (ITU-T H.265 7.3.2.2.1) as far as sps_max_num_reorder_pics of the highest sub-layer. */
function readHevcDepth(reader: BitReader): number {
  const { subLayers } = readHevcSps(reader);
  reader.ueUpTo(12, 'log2_max_pic_order_cnt_lsb_minus4');
  const infos = reader.flag() ? subLayers : 1;
  let depth = 0;
  for (let i = 0; i < infos; i++) {
    reader.ue(); // sps_max_dec_pic_buffering_minus1
    depth = reader.ueUpTo(MAX_REORDER_FRAMES, 'sps_max_num_reorder_pics');
    reader.ue(); // sps_max_latency_increase_plus1
  }
  return depth;
}
