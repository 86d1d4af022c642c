/** RTP and RTCP, sans-IO: packets, putting them in order, frames out of them, and the format of RTP players. */
export { describeTracks } from './describe.ts';
export { rtpFormat } from './format.ts';
export { firstRtp, splitInterleaved } from './interleaved.ts';
export type { RtpEncoding, RtpMedia } from './media.ts';
export { rtpEncoding } from './media.ts';
export type { RtpClock, RtpLayout } from './muxer.ts';
export type { RtpPacket } from './packet.ts';
export { parseRtpPacket } from './packet.ts';
export type { Problem } from './problem.ts';
export { isProblem } from './problem.ts';
export type { ReceiverEvent, ReceiverStats, RtpReceiverOptions } from './receiver.ts';
export { RtpReceiver } from './receiver.ts';
export type { OrderedPacket, ReorderOptions } from './reorder-buffer.ts';
export { ReorderBuffer } from './reorder-buffer.ts';
