/** RTSP messages (RFC 2326 4 to 7, 10.12) and their bytes. */
import { NO_BYTES } from '../../media/index.ts';
import type { Headers } from './headers.ts';

export interface RtspRequest {
  readonly kind: 'request';
  /** As it came: methods are told apart by case. */
  readonly method: string;
  readonly url: string;
  /** `RTSP/1.0`. */
  readonly version: string;
  readonly headers: Headers;
  readonly body: Buffer;
}

export interface RtspResponse {
  readonly kind: 'response';
  readonly status: number;
  readonly reason: string;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** An RTP or RTCP packet between the messages (RFC 2326 10.12). */
export interface InterleavedPacket {
  readonly kind: 'interleaved';
  /** 0 to 255. */
  readonly channel: number;
  readonly payload: Buffer;
}

export type RtspMessage = RtspRequest | RtspResponse | InterleavedPacket;

export const RTSP_VERSION = 'RTSP/1.0';
/** What begins an interleaved packet. */
export const INTERLEAVED_MAGIC = 0x24;
export const INTERLEAVED_HEADER_BYTES = 4;

/** RFC 2326 7.1.1, those that this house says. */
const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Time-out',
  413: 'Request Entity Too Large',
  415: 'Unsupported Media Type',
  451: 'Parameter Not Understood',
  454: 'Session Not Found',
  455: 'Method Not Valid in This State',
  459: 'Aggregate Operation Not Allowed',
  461: 'Unsupported Transport',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
  505: 'RTSP Version Not Supported',
  551: 'Option Not Supported',
};

/** A request to send. */
export function request(method: string, url: string, headers: Headers, body: Buffer = NO_BYTES): RtspRequest {
  return { kind: 'request', method, url, version: RTSP_VERSION, headers, body };
}

/**
 * A response to send.
 * @param detail says more than the status: it stands in brackets behind the standard's words, where clients show it
 */
export function response(status: number, headers: Headers, body: Buffer = NO_BYTES, detail = ''): RtspResponse {
  const words = REASONS[status] ?? '';
  // the status line is one line of visible characters, whatever names the detail quotes
  const reason = detail === '' ? words : `${words} (${detail.replace(/[^\x20-\x7e]+/g, '?').slice(0, 200)})`;
  return { kind: 'response', status, reason, headers, body };
}

/** The message's bytes; `Content-Length` is added where it has a body. */
export function serializeMessage(message: RtspRequest | RtspResponse): Buffer {
  const first =
    message.kind === 'request'
      ? `${message.method} ${message.url} ${message.version}`
      : `${RTSP_VERSION} ${message.status} ${message.reason}`;
  const lines = [first, ...Array.from(message.headers, ([name, value]) => `${name}: ${value}`)];
  if (message.body.length > 0) lines.push(`Content-Length: ${message.body.length}`);
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), message.body]);
}

/** A packet of at most 65,535 bytes behind its interleaved header. */
export function serializeInterleaved(channel: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(INTERLEAVED_HEADER_BYTES + payload.length);
  bytes[0] = INTERLEAVED_MAGIC;
  bytes[1] = channel;
  bytes.writeUInt16BE(payload.length, 2);
  payload.copy(bytes, INTERLEAVED_HEADER_BYTES);
  return bytes;
}
