/** Whether a batch of packets brings a key frame, seen from the packets alone: where a paused player goes on. */
import { H264_NAL, h264NalType, h265NalType, isH265Irap, type VideoCodec } from '../../media/index.ts';
import { isProblem, parseRtpPacket, splitInterleaved } from '../../wire/rtp/index.ts';

/** RFC 6184 5.4: one unit of several packets. */
const H264_FU_A = 28;
/** RFC 7798 4.4.3: likewise. */
const H265_FU = 49;
/** H265's NAL unit header before the header of a fragment. Bytes. */
const H265_HEADER_BYTES = 2;

/** A batch ends with its video access unit (fan-out), so that it is a key frame's where any of its packets is. */
export function bringsKeyFrame(batch: Buffer, videoChannel: number, codec: VideoCodec): boolean {
  let isKey = false;
  splitInterleaved(batch, (channel, start, end) => {
    if (isKey || channel !== videoChannel) return;
    const packet = parseRtpPacket(batch.subarray(start, end));
    if (!isProblem(packet)) isKey = codec === 'H264' ? isH264Key(packet.payload) : isH265Key(packet.payload);
  });
  return isKey;
}

function isH264Key(payload: Buffer): boolean {
  const type = h264NalType(payload);
  return (type === H264_FU_A ? (payload[1] ?? 0) & 0x1f : type) === H264_NAL.IDR;
}

function isH265Key(payload: Buffer): boolean {
  if (h265NalType(payload) !== H265_FU) return isH265Irap(payload);
  // the fragment's header has the type where a NAL unit's has it, one bit lower
  return isH265Irap(Buffer.of(((payload[H265_HEADER_BYTES] ?? 0) & 0x3f) << 1));
}
