/** Files of records, newest first, of all streams or of one. */
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { post } from '../model/api.ts';
import { bytes, wholeSeconds } from '../model/format.ts';
import { usePolledAnswer } from '../model/polling.ts';
import { goTo, href } from '../model/route.ts';
import { attempt } from '../model/toasts.ts';
import type { RecordFile, RecordList } from '../model/types.ts';
import { StreamFilter } from '../ui/fields.tsx';
import { Pager } from '../ui/pager.tsx';
import { Chip, CopyButton, Name, Panel } from '../ui/small.tsx';
import { type Column, Table } from '../ui/table.tsx';

const PAGE_SIZE = 50;
const POLL_MS = 3000;

export function RecordsView({ stream }: { stream: string }): VNode {
  const [page, setPage] = useState(0);
  const query = { limit: PAGE_SIZE, offset: page * PAGE_SIZE, stream_name: stream };
  const { data: listed, problem } = usePolledAnswer<RecordList>('record/list', query, POLL_MS);
  const total = listed?.total ?? 0;
  return (
    <>
      <h1 tabIndex={-1}>Records</h1>
      <Panel title={total === 1 ? '1 file' : `${total} files`}>
        <StreamFilter stream={stream} onShow={(wanted) => goTo({ view: 'records', stream: wanted })}>
          <button type="submit">Show</button>
        </StreamFilter>
        {problem === null ? null : <p class="problem">{problem}</p>}
        {listed === null ? null : (
          <Table
            caption="Records"
            columns={COLUMNS}
            rows={listed.files}
            keyOf={({ path }) => path}
            empty="Nothing is recorded. A record is started on the page of a stream."
          />
        )}
        <Pager what="records" total={total} pageSize={PAGE_SIZE} page={page} onPage={setPage} />
      </Panel>
    </>
  );
}

const COLUMNS: readonly Column<RecordFile>[] = [
  {
    title: 'Stream',
    cell: ({ stream_name }) => (
      <a class="strong" href={href({ view: 'stream', name: stream_name })}>
        <Name>{stream_name}</Name>
      </a>
    ),
  },
  {
    title: 'Format',
    cell: ({ format, is_running }) => (
      <>
        {format} {is_running ? <Chip tone="good">running</Chip> : null}
      </>
    ),
  },
  { title: 'Begun', cell: ({ start_time }) => wholeSeconds(start_time) },
  { title: 'Last written', cell: ({ modified_time }) => wholeSeconds(modified_time), isMinor: true },
  { title: 'Size', cell: (file) => bytes(file.bytes), isNumber: true },
  {
    title: 'File',
    cell: ({ path }) => (
      <span class="path">
        <Name>{path}</Name> <CopyButton text={path} what="the path" />
      </span>
    ),
  },
  { title: 'Actions', cell: (file) => (file.is_running ? <StopButton file={file} /> : null), isNumber: true },
];

function StopButton({ file: { stream_name, format } }: { file: RecordFile }): VNode {
  const stop = (): Promise<boolean> =>
    attempt(post('record/stop', { stream_name, format }), `The ${format} record is complete`);
  return (
    <button type="button" class="small" onClick={() => void stop()}>
      Stop
    </button>
  );
}
