/** What an SDP says of our tracks. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aacTrack, h264Track, h265Track, NO_TRACKS, opusTrack } from '../../media/index.ts';
import { describeTracks } from './describe.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

const SPS = hex('6742c00dda0507faac0440000003004000000c83c50aa8');
const PPS = hex('68ce0fc8');
const VPS5 = hex('40010c01');
const SPS5 = hex('42010101600000030090000003000003003ca00a080f16592a4932bc05a02000000300200000030321');
const PPS5 = hex('4401c172');
const AV = { video: h264Track([SPS], [PPS]), audio: aacTrack(hex('1190')), metadata: null };
const H265 = h265Track([VPS5], [SPS5], [PPS5]);

describe('the description', () => {
  it('says what an SDP must say', () => {
    assert.deepEqual(describeTracks(AV), [
      {
        kind: 'video',
        codec: 'H264',
        encoding: 'H264',
        payloadType: 96,
        clockRate: 90_000,
        channels: 1,
        fmtp: {
          'packetization-mode': '1',
          'profile-level-id': '42c00d',
          'sprop-parameter-sets': `${SPS.toString('base64')},${PPS.toString('base64')}`,
        },
      },
      {
        kind: 'audio',
        codec: 'AAC',
        encoding: 'MPEG4-GENERIC',
        payloadType: 97,
        clockRate: 48_000,
        channels: 2,
        fmtp: {
          streamtype: '5',
          'profile-level-id': '1',
          mode: 'AAC-hbr',
          sizelength: '13',
          indexlength: '3',
          indexdeltalength: '3',
          config: '1190',
        },
      },
    ]);
    const plain = { kind: 'audio', codec: 'PCMU', sampleRate: 8000, channels: 1 } as const;
    const [h265, pcmu] = describeTracks({ video: H265, audio: plain, metadata: null });
    assert.deepEqual(h265?.fmtp, {
      'sprop-vps': VPS5.toString('base64'),
      'sprop-sps': SPS5.toString('base64'),
      'sprop-pps': PPS5.toString('base64'),
    });
    assert.deepEqual([pcmu?.payloadType, pcmu?.clockRate, pcmu?.fmtp], [0, 8000, {}]);
    const [opus] = describeTracks({ ...NO_TRACKS, audio: opusTrack(1) });
    assert.deepEqual([opus?.clockRate, opus?.channels, opus?.fmtp], [48_000, 2, { 'sprop-stereo': '0' }]);
    assert.deepEqual(describeTracks(NO_TRACKS), []);
  });
});
