/** How delivery of callbacks stands: backlog and outcome by receiver, and where events are kept. */
import type { VNode } from 'preact';
import { count, duration } from '../model/format.ts';
import { usePolledAnswer } from '../model/polling.ts';
import type { NotifyStatus, Receiver } from '../model/types.ts';
import { Chip, NoNews, Panel } from '../ui/small.tsx';
import { type Column, Table } from '../ui/table.tsx';

const POLL_MS = 1000;

export function NotifyState(): VNode {
  const { data: status, problem } = usePolledAnswer<NotifyStatus>('notify/status', {}, POLL_MS);
  return (
    <Panel title="Delivery" aside={status === null ? null : <Keeping status={status} />}>
      <NoNews problem={problem} />
      {status === null ? null : (
        <Table
          caption="Receivers"
          columns={COLUMNS}
          rows={status.receivers}
          keyOf={({ receiver }) => receiver}
          empty="Nothing has been recorded for any receiver."
        />
      )}
    </Panel>
  );
}

function Keeping({ status: { database, why, lost } }: { status: NotifyStatus }): VNode {
  return (
    <span class="line">
      {database === 'ok' ? (
        <Chip tone="good">kept on disk</Chip>
      ) : (
        <>
          <Chip tone="warn">kept in memory</Chip> <small>{why}</small>
        </>
      )}
      {lost === 0 ? null : <Chip tone="bad">{`${count(lost)} lost`}</Chip>}
    </span>
  );
}

const COLUMNS: readonly Column<Receiver>[] = [
  { title: 'Receiver', cell: ({ receiver }) => <span class="strong">{receiver}</span> },
  { title: 'Backlog', cell: ({ backlog }) => count(backlog), isNumber: true },
  {
    title: 'Oldest',
    cell: ({ backlog, oldest_age_ms }) => (backlog === 0 ? '–' : duration(oldest_age_ms)),
    isNumber: true,
  },
  { title: 'In flight', cell: ({ in_flight }) => count(in_flight), isNumber: true, isMinor: true },
  { title: 'Retrying', cell: ({ retrying }) => count(retrying), isNumber: true },
  { title: 'Delivered', cell: ({ delivered }) => count(delivered), isNumber: true },
  { title: 'Refused', cell: ({ refused }) => count(refused), isNumber: true },
  { title: 'Expired', cell: ({ expired }) => count(expired), isNumber: true, isMinor: true },
];
