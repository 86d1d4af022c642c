/** What the API answers: one envelope for success and every error, with its keys in the original's order. */

/** The envelope. An answer without data has no such key, as recorded from the original. */
export interface Answer {
  readonly error_code: number;
  readonly desp: string;
  readonly data?: object | null;
}

/**
 * Why a call was refused. `unreadable` is said of what is no HTTP or JSON at all or larger than is allowed, in the words
 * of the specification's nearest code; `failed` (a fault of ours) and `noRoom` are no cases of the specification, their codes are HTTP's.
 */
export const REFUSALS = {
  unauthorized: { error_code: 401, desp: 'the API token is missing or wrong' },
  onlyFromHere: { error_code: 403, desp: 'without millrace.api.token only programs of this machine may do this' },
  pageNotFound: { error_code: 404, desp: 'page not found, check this document out: docs/http-api.md' },
  groupNotFound: { error_code: 1001, desp: 'group not found' },
  paramMissing: { error_code: 1002, desp: 'param missing' },
  unreadable: { error_code: 1002, desp: 'param missing' },
  sessionNotFound: { error_code: 1003, desp: 'session not found' },
  /** The reason stands in its place. */
  rtpPubRefused: { error_code: 2002, desp: 'start_rtp_pub failed' },
  /** The reason stands in its place. */
  relayPullRefused: { error_code: 2001, desp: 'start_relay_pull failed' },
  /** The reason stands in its place. */
  recordRefused: { error_code: 2003, desp: 'record/start failed' },
  /** `data.errors` says why. */
  reloadRefused: { error_code: 2004, desp: 'not reloaded, nothing was changed' },
  /** `data.errors` says why. */
  certificateRefused: { error_code: 2005, desp: 'reloaded, but a certificate cannot be used: the one before stays' },
  /** The reason stands in its place. */
  drainRefused: { error_code: 2006, desp: 'server/drain failed' },
  noRoom: { error_code: 503, desp: 'no more event streams are taken: too many are open, or the server is stopping' },
  failed: { error_code: 500, desp: 'internal error' },
} as const satisfies Record<string, Answer>;

export type RefusalName = keyof typeof REFUSALS;

/** What a call that was carried out answers. */
export function success(data?: object): Answer {
  const answer = { error_code: 0, desp: 'succ' };
  return data === undefined ? answer : { ...answer, data };
}
