/** The endpoints that start, stop and list records. */
import { z } from 'zod';
import { localTime } from '../notify/index.ts';
import { RECORD_FORMATS, type RecordEntry } from '../record/index.ts';
import { REFUSALS, success } from './answer.ts';
import { recordFile } from './answer-schemas.ts';
import { field } from './described.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import { integer, oneOf, ownParams } from './own-params.ts';

const MAX_LISTED = 10_000;
const name = z.string({ error: 'the name of a stream' }).min(1, { error: 'the name of a stream' });
const format = oneOf(RECORD_FORMATS);

export const RECORD_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    path: '/api/record/start',
    summary: 'records a stream that is published or pulled now',
    isControl: true,
    isOurs: true,
    params: ownParams({ stream_name: field('the stream', name), format: field('of the file', format) }),
    data: z.object({ stream_name: z.string(), format: z.enum(RECORD_FORMATS) }),
    refusals: ['groupNotFound', 'recordRefused'],
    handle: (deps, { stream_name, format: wanted }) => {
      if (deps.group(stream_name) === null) return REFUSALS.groupNotFound;
      const result = deps.records.startRecord(stream_name, wanted);
      if (!result.ok) return { ...REFUSALS.recordRefused, desp: result.reason };
      return success({ stream_name, format: wanted });
    },
  }),
  endpoint({
    path: '/api/record/stop',
    summary: 'ends records of a stream',
    isControl: true,
    isOurs: true,
    params: ownParams({
      stream_name: field('the stream', name),
      format: field('the record in this format; absent: all of the stream', format.optional()),
    }),
    data: z.object({ stopped: field('how many ended', z.int().min(1)) }),
    refusals: ['sessionNotFound'],
    handle: (deps, { stream_name, format: wanted }) => {
      const stopped = deps.records.stopRecord(stream_name, wanted ?? null);
      return stopped === 0 ? REFUSALS.sessionNotFound : success({ stopped });
    },
  }),
  endpoint({
    path: '/api/record/list',
    summary: 'lists recorded files, newest first',
    isOurs: true,
    params: ownParams({
      stream_name: field('files of this stream; absent: of all', name.optional()),
      limit: field('files in the answer, at most', integer(1, MAX_LISTED).default(100)),
      offset: field('files left out before them', integer(0).default(0)),
    }),
    data: z.object({ total: field('files there are', z.int().min(0)), files: z.array(recordFile) }),
    handle: async (deps, { stream_name, limit, offset }) => {
      const files = await deps.records.list(stream_name ?? null);
      return success({ total: files.length, files: files.slice(offset, offset + limit).map(fileJson) });
    },
  }),
];

function fileJson(file: RecordEntry): object {
  return {
    stream_name: file.streamName,
    format: file.format,
    path: file.path,
    bytes: file.bytes,
    start_time: localTime(file.startUnixMs),
    modified_time: localTime(file.modifiedUnixMs),
    is_running: file.isRunning,
  };
}
