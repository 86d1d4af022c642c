/** One fragment (moof and mdat, ISO 14496-12 8.8) from samples whose times are known. */
import { BOX_HEADER_BYTES, FULL_BOX_HEADER_BYTES, writeBoxHeader, writeFullBoxHeader } from './box.ts';
import { SAMPLE_NON_SYNC, SAMPLE_SYNC } from './init.ts';

export interface Sample {
  readonly data: Buffer;
  /** Decoding time in ticks. */
  readonly time: number;
  /** Ticks until the next sample of the track. */
  readonly duration: number;
  /** Presentation less decoding time in ticks; may be negative. */
  readonly offset: number;
  readonly sync: boolean;
}

/** The samples of one track, at least one. */
export interface TrackRun {
  readonly trackId: number;
  readonly video: boolean;
  readonly samples: readonly Sample[];
}

const MFHD_BYTES: number = FULL_BOX_HEADER_BYTES + 4;
const TFHD_BYTES: number = FULL_BOX_HEADER_BYTES + 4;
/** Version 1: 64 bits. */
const TFDT_BYTES: number = FULL_BOX_HEADER_BYTES + 8;
const TRUN_BYTES: number = FULL_BOX_HEADER_BYTES + 8;
/** Offsets count from the moof (8.8.7.1). */
const DEFAULT_BASE_IS_MOOF = 0x020000;
/** Fields of a trun (8.8.8.1). */
const TRUN = { dataOffset: 0x1, duration: 0x100, size: 0x200, flags: 0x400, offset: 0x800 } as const;
/** Audio samples are all sync and shown when decoded, as trex says. */
const AUDIO_FIELDS: number = TRUN.dataOffset | TRUN.duration | TRUN.size;
const VIDEO_FIELDS: number = AUDIO_FIELDS | TRUN.flags | TRUN.offset;
const AUDIO_SAMPLE_BYTES = 8;
const VIDEO_SAMPLE_BYTES = 16;

/** @param sequence of the moof, from 1, growing within a file */
export function serializeFragment(sequence: number, runs: readonly TrackRun[]): Buffer {
  let moofBytes = BOX_HEADER_BYTES + MFHD_BYTES;
  let mediaBytes = 0;
  for (const run of runs) {
    moofBytes += trafBytes(run);
    for (const sample of run.samples) mediaBytes += sample.data.length;
  }
  const bytes = Buffer.allocUnsafe(moofBytes + BOX_HEADER_BYTES + mediaBytes);
  let at = writeBoxHeader(bytes, 0, moofBytes, 'moof');
  at = writeFullBoxHeader(bytes, at, MFHD_BYTES, 'mfhd', 0, 0);
  at = bytes.writeUInt32BE(sequence, at);
  let dataAt = moofBytes + BOX_HEADER_BYTES;
  for (const run of runs) {
    at = writeTraf(bytes, at, run, dataAt);
    for (const sample of run.samples) dataAt += sample.data.length;
  }
  at = writeBoxHeader(bytes, at, BOX_HEADER_BYTES + mediaBytes, 'mdat');
  for (const run of runs) {
    for (const sample of run.samples) at += sample.data.copy(bytes, at);
  }
  return bytes;
}

function trafBytes(run: TrackRun): number {
  return BOX_HEADER_BYTES + TFHD_BYTES + TFDT_BYTES + trunBytes(run);
}

function trunBytes(run: TrackRun): number {
  return TRUN_BYTES + run.samples.length * (run.video ? VIDEO_SAMPLE_BYTES : AUDIO_SAMPLE_BYTES);
}

function writeTraf(bytes: Buffer, start: number, run: TrackRun, dataAt: number): number {
  const { samples, video } = run;
  let at = writeBoxHeader(bytes, start, trafBytes(run), 'traf');
  at = writeFullBoxHeader(bytes, at, TFHD_BYTES, 'tfhd', 0, DEFAULT_BASE_IS_MOOF);
  at = bytes.writeUInt32BE(run.trackId, at);
  at = writeFullBoxHeader(bytes, at, TFDT_BYTES, 'tfdt', 1, 0);
  at = bytes.writeBigUInt64BE(BigInt(samples[0]?.time ?? 0), at);
  // version 1: offsets are signed
  at = writeFullBoxHeader(bytes, at, trunBytes(run), 'trun', 1, video ? VIDEO_FIELDS : AUDIO_FIELDS);
  at = bytes.writeUInt32BE(samples.length, at);
  at = bytes.writeInt32BE(dataAt, at);
  for (const sample of samples) {
    at = bytes.writeUInt32BE(sample.duration, at);
    at = bytes.writeUInt32BE(sample.data.length, at);
    if (!video) continue;
    at = bytes.writeUInt32BE(sample.sync ? SAMPLE_SYNC : SAMPLE_NON_SYNC, at);
    at = bytes.writeInt32BE(sample.offset, at);
  }
  return at;
}
