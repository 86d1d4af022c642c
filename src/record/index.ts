export { RECORD_FORMATS, type RecordFormat } from './formats.ts';
export { type RecordEntry, Recorder, type RecorderOptions } from './recorder.ts';
export type { RecordWatch } from './recording.ts';
