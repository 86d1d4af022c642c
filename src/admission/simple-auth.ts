/** The original's simple authentication: a secret in the URL, derived from a key and the stream's name. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Admission, AdmissionRequest, Decision } from '../streams/index.ts';

export interface SimpleAuthOptions {
  readonly key: string;
  /** Lets everybody in who brings it; empty: nobody. */
  readonly dangerousLalSecret: string;
  readonly pubRtmpEnable: boolean;
  readonly subRtmpEnable: boolean;
  readonly subHttpflvEnable: boolean;
  readonly subHttptsEnable: boolean;
  readonly pubRtspEnable: boolean;
  readonly subRtspEnable: boolean;
  readonly hlsM3u8Enable: boolean;
}

/** Admission by `lal_secret=MD5hex(key + stream_name)` where the session's protocol and direction demand it. */
export function createSimpleAuth(options: SimpleAuthOptions): Admission {
  return { decide: (request) => Promise.resolve(decide(options, request)) };
}

const ADMITTED: Decision = { ok: true };

function decide(options: SimpleAuthOptions, { direction, session }: AdmissionRequest): Decision {
  if (!demanded(options, direction, session.protocol)) return ADMITTED;
  const given = new URLSearchParams(session.urlParam).get('lal_secret');
  if (given === null || given === '') return denied('the URL carries no lal_secret');
  const wanted = createHash('md5')
    .update(options.key + session.streamName)
    .digest('hex');
  if (sameSecret(given.toLowerCase(), wanted)) return ADMITTED;
  if (options.dangerousLalSecret !== '' && sameSecret(given, options.dangerousLalSecret)) return ADMITTED;
  return denied('the lal_secret is not right for this stream');
}

function denied(why: string): Decision {
  return { ok: false, reason: `authentication failed: ${why}` };
}

function demanded(options: SimpleAuthOptions, direction: 'publish' | 'play', protocol: string): boolean {
  switch (protocol) {
    case 'RTMP':
      return direction === 'publish' ? options.pubRtmpEnable : options.subRtmpEnable;
    case 'RTSP':
      return direction === 'publish' ? options.pubRtspEnable : options.subRtspEnable;
    case 'FLV':
      return options.subHttpflvEnable;
    case 'TS':
      return options.subHttptsEnable;
    case 'HLS':
      return options.hlsM3u8Enable;
    default:
      return false;
  }
}

/** In constant time: digests are compared, so that not even the length shows. */
function sameSecret(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
