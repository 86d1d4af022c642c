/** How each published stream runs now, for at most so many streams; what is beyond them is summed up. */
import type { GroupSnapshot } from '../streams/index.ts';

export interface StreamRates {
  readonly stream: string;
  readBytesPerSec: number;
  wroteBytesPerSec: number;
  framesPerSec: number;
  players: number;
}

/** Streams that have a name of their own in the metrics: each costs the monitoring system a few time series for ever. */
export const MAX_NAMED_STREAMS = 200;
/** Stands for all others. No stream can have this name, since a name ends at a slash. */
export const OTHER_STREAMS = '/others';
/** Frames are counted over the last so many full seconds. */
const FRAME_SECONDS = 5;
/** The snapshots' kbit are of 1024 bit. */
const BYTES_PER_KBIT = 128;

/** The oldest streams by name, so that one keeps its place to its end, then the others as one. */
export function streamRates(groups: readonly GroupSnapshot[], unixMs: number): StreamRates[] {
  const published = groups.filter(({ pub, pull }) => pub !== null || pull !== null);
  const named = published.slice(0, MAX_NAMED_STREAMS).map((group) => ratesOf(group, unixMs));
  const beyond = published.slice(MAX_NAMED_STREAMS);
  if (beyond.length === 0) return named;
  const others = { stream: OTHER_STREAMS, readBytesPerSec: 0, wroteBytesPerSec: 0, framesPerSec: 0, players: 0 };
  for (const group of beyond) {
    const rates = ratesOf(group, unixMs);
    others.readBytesPerSec += rates.readBytesPerSec;
    others.wroteBytesPerSec += rates.wroteBytesPerSec;
    others.framesPerSec += rates.framesPerSec;
    others.players += rates.players;
  }
  return [...named, others];
}

function ratesOf(group: GroupSnapshot, unixMs: number): StreamRates {
  const { streamName: stream, pub, pull, subs, pushs } = group;
  const source = pub ?? pull;
  let wroteKbits = 0;
  for (const { writeBitrateKbits } of subs) wroteKbits += writeBitrateKbits;
  for (const { writeBitrateKbits } of pushs) wroteKbits += writeBitrateKbits;
  return {
    stream,
    readBytesPerSec: (source?.readBitrateKbits ?? 0) * BYTES_PER_KBIT,
    wroteBytesPerSec: wroteKbits * BYTES_PER_KBIT,
    framesPerSec: framesPerSec(group, unixMs),
    players: subs.length,
  };
}

/** Video frames received each second, over the last full seconds. */
export function framesPerSec({ inFramePerSec }: GroupSnapshot, unixMs: number): number {
  const oldest = Math.floor(unixMs / 1000) - FRAME_SECONDS;
  let frames = 0;
  for (const { unixSec, v } of inFramePerSec) if (unixSec >= oldest) frames += v;
  return frames / FRAME_SECONDS;
}
