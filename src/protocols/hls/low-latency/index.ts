/** Low-latency HLS (RFC 8216bis) in fragmented MP4, from memory. */
export { LOW_LATENCY_PLAYLIST, type LowLatencyOptions, LowLatencyStream } from './low-latency-stream.ts';
