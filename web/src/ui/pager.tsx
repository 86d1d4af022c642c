/** One page of a long list at a time. */
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { count } from '../model/format.ts';
import { Table, type TableProps } from './table.tsx';

interface PagerProps {
  /** What is paged: "streams". */
  readonly what: string;
  readonly total: number;
  readonly pageSize: number;
  /** From 0. */
  readonly page: number;
  readonly onPage: (page: number) => void;
}

export function Pager({ what, total, pageSize, page, onPage }: PagerProps): VNode | null {
  const pages = pageCount(total, pageSize);
  if (pages === 1) return null;
  const from = page * pageSize;
  return (
    <nav class="pager" aria-label={`Pages of ${what}`}>
      <button type="button" disabled={page === 0} onClick={() => onPage(page - 1)}>
        Previous
      </button>
      <span>
        {count(from + 1)}–{count(Math.min(total, from + pageSize))} of {count(total)}
      </span>
      <button type="button" disabled={page >= pages - 1} onClick={() => onPage(page + 1)}>
        Next
      </button>
    </nav>
  );
}

interface PagedTableProps<T> extends TableProps<T> {
  readonly pageSize: number;
}

/** A table of many rows, of which one page is seen. Its caption is what is paged. */
export function PagedTable<T>({ pageSize, rows, ...table }: PagedTableProps<T>): VNode {
  const [wanted, setWanted] = useState(0);
  // a list that has become shorter has fewer pages
  const page = Math.min(wanted, pageCount(rows.length, pageSize) - 1);
  return (
    <>
      <Table {...table} rows={rows.slice(page * pageSize, (page + 1) * pageSize)} />
      <Pager what={table.caption} total={rows.length} pageSize={pageSize} page={page} onPage={setWanted} />
    </>
  );
}

function pageCount(total: number, pageSize: number): number {
  return Math.max(1, Math.ceil(total / pageSize));
}
