/** Sessions of a stream, which can be searched where they are many, ended, and blocked. */
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { bitrateOfKbits, bytes, count, visible, wholeSeconds } from '../model/format.ts';
import type { Session } from '../model/types.ts';
import { SearchField } from '../ui/fields.tsx';
import { PagedTable } from '../ui/pager.tsx';
import type { Column } from '../ui/table.tsx';
import { askBlock, askKick } from './session-dialogs.tsx';

const PAGE_SIZE = 10;

interface SessionTableProps {
  readonly what: 'source' | 'viewers' | 'pushes';
  readonly streamName: string;
  readonly sessions: readonly Session[];
  readonly empty: string;
}

export function SessionTable({ what, streamName, sessions, empty }: SessionTableProps): VNode {
  const [search, setSearch] = useState('');
  const words = search.toLowerCase();
  const found = sessions.filter(({ session_id, remote_addr, protocol }) =>
    `${session_id} ${remote_addr} ${protocol}`.toLowerCase().includes(words),
  );
  const isLong = sessions.length > PAGE_SIZE;
  return (
    <>
      {isLong ? (
        <div class="filters">
          <SearchField value={search} placeholder="Address, session or protocol" onInput={setSearch} />
          {search === '' ? null : <span class="found">{count(found.length)} found</span>}
        </div>
      ) : null}
      <PagedTable
        caption={what}
        pageSize={PAGE_SIZE}
        columns={columnsFor(streamName, what)}
        rows={found}
        keyOf={({ session_id }) => session_id}
        empty={sessions.length === 0 ? empty : `None is like “${visible(search)}”.`}
      />
    </>
  );
}

function columnsFor(streamName: string, what: SessionTableProps['what']): Column<Session>[] {
  return [
    {
      title: 'Session',
      cell: ({ session_id, remote_addr }) => (
        <>
          <span class="strong">{session_id}</span>
          <small class="address">{remote_addr}</small>
        </>
      ),
    },
    { title: 'Protocol', cell: ({ protocol }) => protocol },
    { title: 'Since', cell: ({ start_time }) => <Since time={wholeSeconds(start_time)} />, isMinor: true },
    { title: 'Bitrate', cell: ({ bitrate_kbits }) => bitrateOfKbits(bitrate_kbits), isNumber: true },
    {
      title: 'Bytes',
      cell: ({ base_type, read_bytes_sum, wrote_bytes_sum }) =>
        bytes(base_type === 'PUB' || base_type === 'PULL' ? read_bytes_sum : wrote_bytes_sum),
      isNumber: true,
    },
    // packets of RTP that did not come; frames that were left out for a slow peer
    what === 'source'
      ? { title: 'Lost', cell: ({ lost_packets }) => count(lost_packets), isNumber: true, isMinor: true }
      : { title: 'Dropped', cell: ({ dropped_frames }) => count(dropped_frames), isNumber: true },
    {
      title: 'Actions',
      cell: (session) => (
        <span class="actions">
          <button
            type="button"
            class="small"
            aria-label={`Kick ${session.session_id}`}
            onClick={() => askKick(streamName, session)}
          >
            Kick
          </button>
          <button
            type="button"
            class="small"
            aria-label={`Block ${session.remote_addr}`}
            onClick={() => askBlock(session.remote_addr)}
          >
            Block
          </button>
        </span>
      ),
      isNumber: true,
    },
  ];
}

function Since({ time }: { time: string }): VNode {
  const [date = '', clock = ''] = time.split(' ');
  return (
    <>
      {clock}
      <small class="date">{date}</small>
    </>
  );
}
