/** One page of a long list at a time. */
import type { VNode } from 'preact';
import { count } from '../model/format.ts';

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

/** A list that has become shorter has no more pages than it has. */
export function pageWithin(page: number, total: number, pageSize: number): number {
  return Math.min(page, pageCount(total, pageSize) - 1);
}

function pageCount(total: number, pageSize: number): number {
  return Math.max(1, Math.ceil(total / pageSize));
}
