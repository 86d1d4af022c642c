/** What HTTP Notify is told to do: the part's own options, and the check of what they say. */
import { validateHeaderName, validateHeaderValue } from 'node:http';

/** The specification's events by their names (HTTPNotify.md, II). */
export const NOTIFY_EVENTS = [
  'on_server_start',
  'on_update',
  'on_pub_start',
  'on_pub_stop',
  'on_sub_start',
  'on_sub_stop',
  'on_relay_pull_start',
  'on_relay_pull_stop',
  'on_rtmp_connect',
  'on_hls_make_ts',
  // ours
  'on_record_start',
  'on_record_stop',
] as const;
export type NotifyEvent = (typeof NOTIFY_EVENTS)[number];

export interface NotifyOptions {
  readonly serverId: string;
  /** Seconds between two on_update; 0: none are sent. */
  readonly updateIntervalSec: number;
  /** Where each event goes; null, empty or absent: it is not sent. */
  readonly urls: Readonly<Partial<Record<NotifyEvent, string | null>>>;
  /** Requests in flight per receiver (URL origin), at most. */
  readonly concurrency: number;
  /** No answer within this many ms counts as none. */
  readonly timeoutMs: number;
  /** An event that is older when a delivery fails is given up. */
  readonly maxAgeHours: number;
  /** Standard Webhooks secrets (base64, with or without `whsec_`); each signs every request. Empty: unsigned. */
  readonly signingSecrets: readonly string[];
  /** The database that keeps events until they are delivered; null: they are kept in memory. */
  readonly outboxPath: string | null;
  /** How long events are kept once they are delivered, refused or given up. */
  readonly retentionHours: number;
  /** Added to every request; those that this part sets itself win. */
  readonly headers: Readonly<Record<string, string>>;
}

/** An event's URL and the receiver that it belongs to. */
export interface Target {
  readonly url: string;
  /** The URL's origin, e.g. `http://127.0.0.1:10101`. */
  readonly receiver: string;
}

/** These belong to the HTTP client: set by hand they would break the request. */
const HEADERS_OF_THE_CLIENT = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Where each event that is wanted goes. Throws an Error that names the event whose URL cannot be used. */
export function targetsOf(urls: NotifyOptions['urls']): ReadonlyMap<NotifyEvent, Target> {
  const targets = new Map<NotifyEvent, Target>();
  for (const event of NOTIFY_EVENTS) {
    const url = urls[event];
    if (url === undefined || url === null || url === '') continue;
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
      throw new Error(`${event}: "${url}" is no http:// or https:// URL`);
    }
    targets.set(event, { url, receiver: new URL(url).origin });
  }
  return targets;
}

/** The configured headers under lower-case names. Throws an Error that names the one that cannot be sent. */
export function customHeaders(headers: NotifyOptions['headers']): Record<string, string> {
  const checked: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    if (HEADERS_OF_THE_CLIENT.has(name.toLowerCase())) {
      throw new Error(`header "${name}" is set by the HTTP client and cannot be configured`);
    }
    checked[name.toLowerCase()] = value;
  }
  return checked;
}
