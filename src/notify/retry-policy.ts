/** What an answer means: delivered, refused, or to be tried again, and when. */
import type { Settlement } from './outbox.ts';

/** What became of one request. */
export type Answer =
  | { readonly kind: 'answered'; readonly status: number; readonly retryAfter: string | null }
  | {
      readonly kind: 'unanswered';
      /** `lost`: the connection ended after the request was begun, before an answer: a stale keep-alive, most often. */
      readonly cause: 'timeout' | 'unreachable' | 'lost';
      readonly why: string;
    };

const FIRST_DELAY_MS = 500;
const MAX_DELAY_MS = 60_000;
/** A delay is within this part of its length, so that lanes that failed together do not come back together. */
const JITTER = 0.25;
/** A `Retry-After` beyond this is cut: an hour is long for events that bill and admit. */
export const MAX_RETRY_AFTER_MS = 3_600_000;
/** Answers that say "not now" (RFC 9110 15.5.9, RFC 8470 5.2, RFC 6585 4); 5xx do as well. */
const RETRIED_STATUSES = new Set([408, 425, 429]);

/** `attempt` counts from 1; `random` gives 0 to 1. Other statuses, redirects among them: seen and refused. */
export function judge(answer: Answer, attempt: number, nowUnixMs: number, random: () => number): Settlement {
  if (answer.kind === 'unanswered') {
    return { kind: 'retry', delayMs: backoffMs(attempt, random), status: null, why: answer.why };
  }
  const { status } = answer;
  if (status >= 200 && status < 300) return { kind: 'delivered', status };
  if (status < 500 && !RETRIED_STATUSES.has(status)) return { kind: 'refused', status };
  const delayMs = Math.max(backoffMs(attempt, random), retryAfterMs(answer.retryAfter, nowUnixMs));
  return { kind: 'retry', delayMs, status, why: `answered ${status}` };
}

/** 0.5 s doubling to 60 s, a quarter more or less. */
export function backoffMs(attempt: number, random: () => number): number {
  const delay = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
  return Math.round(delay * (1 - JITTER + 2 * JITTER * random()));
}

/** `Retry-After` (RFC 9110 10.2.3), seconds or a date, in ms from now; 0 where there is none that can be read. */
export function retryAfterMs(header: string | null, nowUnixMs: number): number {
  if (header === null) return 0;
  const text = header.trim();
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowUnixMs;
  return Number.isNaN(ms) ? 0 : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms));
}
