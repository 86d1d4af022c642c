/** Maps the keys about records onto the options of the recorder. */
import type { RecorderOptions } from '../record/index.ts';
import type { Config } from './schema.ts';

/** Folders of the original's that are not configured are here. */
const FOLDERS = { flv: './lal_record/flv/', ts: './lal_record/mpegts/' } as const;

/** Recording: what is always recorded, where files are, how long they grow and stay. */
export function recorderOptions({ record, millrace }: Config): RecorderOptions {
  const { record: own } = millrace;
  return {
    folders: {
      flv: record.flv_out_path === '' ? FOLDERS.flv : record.flv_out_path,
      ts: record.mpegts_out_path === '' ? FOLDERS.ts : record.mpegts_out_path,
      mp4: own.mp4_out_path,
    },
    always: [
      ...(record.enable_flv ? (['flv'] as const) : []),
      ...(record.enable_mpegts ? (['ts'] as const) : []),
      ...(own.enable_mp4 ? (['mp4'] as const) : []),
    ],
    splitMs: own.split_duration_sec * 1000,
    splitBytes: own.split_bytes,
    retentionMs: own.retention_hours * 3_600_000,
    hevc: millrace.flv.hevc,
  };
}
