/** The endpoints that start, stop and list records. */
import { z } from 'zod';
import { localTime } from '../notify/index.ts';
import { RECORD_FORMATS, type RecordEntry } from '../record/index.ts';
import { REFUSALS, success } from './answer.ts';
import { type Endpoint, endpoint } from './endpoint.ts';
import { integer, oneOf, ownParams } from './own-params.ts';

const MAX_LISTED = 10_000;
const name = z.string({ error: 'the name of a stream' }).min(1, { error: 'the name of a stream' });
const format = oneOf(RECORD_FORMATS);

export const RECORD_ENDPOINTS: readonly Endpoint[] = [
  endpoint({
    path: '/api/record/start',
    isControl: true,
    isOurs: true,
    params: ownParams({ stream_name: name, format }),
    handle: (deps, { stream_name, format: wanted }) => {
      if (deps.group(stream_name) === null) return REFUSALS.groupNotFound;
      const result = deps.records.startRecord(stream_name, wanted);
      if (!result.ok) return { ...REFUSALS.recordRefused, desp: result.reason };
      return success({ stream_name, format: wanted });
    },
  }),
  endpoint({
    path: '/api/record/stop',
    isControl: true,
    isOurs: true,
    params: ownParams({ stream_name: name, format: format.optional() }),
    handle: (deps, { stream_name, format: wanted }) => {
      const stopped = deps.records.stopRecord(stream_name, wanted ?? null);
      return stopped === 0 ? REFUSALS.sessionNotFound : success({ stopped });
    },
  }),
  endpoint({
    path: '/api/record/list',
    isOurs: true,
    params: ownParams({
      stream_name: name.optional(),
      limit: integer(1, MAX_LISTED).default(100),
      offset: integer(0).default(0),
    }),
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
