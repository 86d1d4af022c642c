/** The headers of a callback: what it is, which try of which event, and signatures (Standard Webhooks). */
import { Webhook } from 'standardwebhooks';
import { customHeaders, type NotifyOptions } from './options.ts';
import type { WaitingEvent } from './outbox.ts';

/** Makes the headers of each request. */
export interface HeaderMaker {
  /** Those of an event's next try, sent at `unixMs`. */
  event(event: WaitingEvent, unixMs: number): Record<string, string>;
  /** Those of a request that is no event: an on_update, a question of admission. */
  plain(id: string, body: string, unixMs: number): Record<string, string>;
}

/** Throws an Error that names the secret by its place or the header that cannot be used. */
export function createHeaderMaker(
  options: Pick<NotifyOptions, 'signingSecrets' | 'headers'>,
  userAgent: string,
): HeaderMaker {
  const fixed = {
    ...customHeaders(options.headers),
    'content-type': 'application/json',
    'user-agent': userAgent,
  };
  const signers = options.signingSecrets.map(signer);
  const base = (id: string, body: string, attempt: number, unixMs: number): Record<string, string> => {
    const headers: Record<string, string> = {
      ...fixed,
      'webhook-id': id,
      // The time of this try, not of the event: receivers reject what is older than minutes as a replay.
      'webhook-timestamp': String(Math.floor(unixMs / 1000)),
      'millrace-attempt': String(attempt),
    };
    if (signers.length > 0) {
      const at = new Date(unixMs);
      headers['webhook-signature'] = signers.map((each) => each.sign(id, at, body)).join(' ');
    }
    return headers;
  };
  return {
    event(event, unixMs) {
      const headers = base(event.id, event.body, event.attempts + 1, unixMs);
      headers['millrace-seq'] = String(event.seq);
      if (event.streamSeq !== null) headers['millrace-stream-seq'] = String(event.streamSeq);
      if (event.reason !== null) headers['millrace-reason'] = event.reason;
      return headers;
    },
    plain: (id, body, unixMs) => base(id, body, 1, unixMs),
  };
}

function signer(secret: string, index: number): Webhook {
  try {
    return new Webhook(secret);
  } catch {
    // The secret itself must not get into a log.
    throw new Error(`signing secret ${index + 1} is not base64 (with or without "whsec_" before it)`);
  }
}
