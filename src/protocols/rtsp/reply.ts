/** Answers to requests: what a handler says, made into a response with what every response bears. */
import { Headers, type RtspRequest, type RtspResponse, response } from '../../wire/rtsp/index.ts';

/** What is answered to a request. */
export interface Reply {
  readonly status: number;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: Buffer;
  /** Why, for who reads it. */
  readonly detail?: string;
  /** The connection ends after it. */
  readonly isLast?: boolean;
  /** Done once it is on its way. */
  readonly afterwards?: () => void;
}

/** All that is served; over WebSocket nothing is published. */
const PLAY_METHODS = 'OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER';
const ALL_METHODS = `${PLAY_METHODS}, ANNOUNCE, RECORD`;

export function methods(canPublish: boolean): string {
  return canPublish ? ALL_METHODS : PLAY_METHODS;
}

export function refuse(status: number, detail: string): Reply {
  return { status, detail };
}

/** The response, with the request's CSeq, the server's name and the session where there is one. */
export function toResponse(
  reply: Reply,
  request: RtspRequest | null,
  serverName: string,
  session: string | null,
): RtspResponse {
  const headers = new Headers();
  const cseq = request?.headers.get('CSeq') ?? null;
  if (cseq !== null) headers.add('CSeq', cseq);
  headers.add('Server', serverName);
  if (session !== null) headers.add('Session', session);
  for (const [name, value] of reply.headers ?? []) headers.add(name, value);
  return response(reply.status, headers, reply.body, reply.detail);
}
