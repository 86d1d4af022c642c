import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { Protocol } from '../streams/index.ts';
import { createSimpleAuth } from './simple-auth.ts';

const off = {
  key: 'q191201771',
  dangerousLalSecret: '',
  pubRtmpEnable: false,
  subRtmpEnable: false,
  subHttpflvEnable: false,
  subHttptsEnable: false,
  pubRtspEnable: false,
  subRtspEnable: false,
  hlsM3u8Enable: false,
};
/** Null, or the reason for the refusal. */
async function decide(
  options: Partial<typeof off>,
  direction: 'publish' | 'play',
  protocol: Protocol,
  urlParam: string,
): Promise<string | null> {
  const decision = await createSimpleAuth({ ...off, ...options }).decide({
    direction,
    session: {
      sessionId: 'X1',
      protocol,
      baseType: direction === 'publish' ? 'PUB' : 'SUB',
      remoteAddr: '127.0.0.1:1',
      url: 'rtmp://h/live/test110',
      appName: 'live',
      streamName: 'test110',
      urlParam,
    },
  });
  return decision.ok ? null : decision.reason;
}
const md5 = createHash('md5').update('q191201771test110').digest('hex');

test('each switch guards its own protocol and direction only', async () => {
  const rows = [
    ['pubRtmpEnable', 'publish', 'RTMP'],
    ['subRtmpEnable', 'play', 'RTMP'],
    ['subHttpflvEnable', 'play', 'FLV'],
    ['subHttptsEnable', 'play', 'TS'],
    ['pubRtspEnable', 'publish', 'RTSP'],
    ['subRtspEnable', 'play', 'RTSP'],
    ['hlsM3u8Enable', 'play', 'HLS'],
  ] as const;
  for (const [name] of rows) {
    for (const [guard, direction, protocol] of rows) {
      const answer = await decide({ [name]: true }, direction, protocol, '');
      assert.equal(answer === null, guard !== name, `${name} against ${direction} by ${protocol}`);
    }
  }
});

test('the MD5 lets in, whatever its letters; anything else does not, and the reason says so', async () => {
  assert.equal(await decide({ pubRtmpEnable: true }, 'publish', 'RTMP', `a=1&lal_secret=${md5}`), null);
  assert.equal(await decide({ pubRtmpEnable: true }, 'publish', 'RTMP', `lal_secret=${md5.toUpperCase()}`), null);
  assert.match(String(await decide({ pubRtmpEnable: true }, 'publish', 'RTMP', 'lal_secret=abc')), /not right/);
  assert.match(String(await decide({ pubRtmpEnable: true }, 'publish', 'RTMP', 'token=1')), /carries no lal_secret/);
});

test('the dangerous secret works only where one is configured', async () => {
  assert.match(String(await decide({ subHttpflvEnable: true }, 'play', 'FLV', 'lal_secret=')), /no lal_secret/);
  const options = { subHttpflvEnable: true, dangerousLalSecret: 'pengrl' };
  assert.equal(await decide(options, 'play', 'FLV', 'lal_secret=pengrl'), null);
  assert.match(String(await decide(options, 'play', 'FLV', 'lal_secret=Pengrl')), /not right/);
});
