/** Test helper: somebody who asks to be let in. */
import type { AdmissionRequest } from '../streams/index.ts';

/** A player of `test110`, or what `change` makes of it. */
export function asking(
  change: Partial<AdmissionRequest['session']> & { direction?: 'publish' | 'play' } = {},
): AdmissionRequest {
  const { direction = 'play', ...session } = change;
  return {
    direction,
    session: {
      sessionId: 'FLVSUB1',
      protocol: 'FLV',
      baseType: direction === 'publish' ? 'PUB' : 'SUB',
      remoteAddr: '192.0.2.7:5000',
      url: 'http://h/live/test110.flv',
      appName: 'live',
      streamName: 'test110',
      urlParam: '',
      ...session,
    },
  };
}
