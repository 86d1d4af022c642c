import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  END_LINE,
  type MediaPlaylist,
  parsePlaylist,
  segmentLines,
  serializePlaylist,
  targetSecOf,
  withTarget,
  withUriSuffix,
} from './index.ts';

const LIVE: MediaPlaylist = {
  type: 'live',
  targetSec: 4,
  mediaSequence: 7,
  discontinuitySequence: 2,
  segments: [
    { uri: 's-1-7.ts', durationMs: 3333, isDiscontinuous: false },
    { uri: 's-2-8.ts', durationMs: 4000, isDiscontinuous: true },
  ],
  isEnded: true,
};
const LIVE_TEXT = `#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:2
#EXTINF:3.333,
s-1-7.ts
#EXT-X-DISCONTINUITY
#EXTINF:4.000,
s-2-8.ts
#EXT-X-ENDLIST
`;
/** Objects like those that are read. */
const PLAIN = { noNullPrototype: true } as const;
const EVENT: MediaPlaylist = { ...LIVE, type: 'event', mediaSequence: 0, discontinuitySequence: 0, isEnded: false };

test('a playlist is written line by line', () => {
  assert.equal(serializePlaylist(LIVE), LIVE_TEXT);
  const event = serializePlaylist(EVENT);
  assert.match(event, /^#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-TARGETDURATION:4\n/);
  assert.doesNotMatch(event, /DISCONTINUITY-SEQUENCE|ENDLIST/);
});

test('what is added at the end gives the same text as the whole', () => {
  const before = serializePlaylist({ ...EVENT, segments: EVENT.segments.slice(0, 1) });
  const added = EVENT.segments.slice(1).map(segmentLines).join('');
  assert.equal(before + added, serializePlaylist(EVENT));
  assert.equal(before + added + END_LINE, serializePlaylist({ ...EVENT, isEnded: true }));
});

test('the target duration fits the longest segment, and is put in place of another', () => {
  assert.deepEqual([0, 1, 1000, 1001, 9999.5].map(targetSecOf), [1, 1, 1, 2, 10]);
  assert.equal(withTarget(LIVE_TEXT, 12), serializePlaylist({ ...LIVE, targetSec: 12 }));
});

test('a suffix goes behind the URIs and nothing else', () => {
  const text = withUriSuffix(LIVE_TEXT, '?session_id=ab');
  assert.match(text, /\ns-1-7\.ts\?session_id=ab\n#EXT-X-DISCONTINUITY\n/);
  assert.equal(text.replaceAll('?session_id=ab', ''), LIVE_TEXT);
  assert.equal(text.split('?session_id=ab').length, 3);
  assert.equal(withUriSuffix(LIVE_TEXT, ''), LIVE_TEXT);
  // what stands for something in replacements stands for itself here
  assert.match(withUriSuffix(LIVE_TEXT, '?$&=$1'), /\ns-1-7\.ts\?\$&=\$1\n/);
});

test('what was written is read back', () => {
  const segment = fc.record(
    {
      uri: fc.stringMatching(/^[a-zA-Z0-9._~%-]{1,20}$/),
      durationMs: fc.nat(100_000_000),
      isDiscontinuous: fc.boolean(),
    },
    PLAIN,
  );
  const playlist: fc.Arbitrary<MediaPlaylist> = fc.record(
    {
      type: fc.constantFrom('live', 'event'),
      targetSec: fc.nat(100_000),
      mediaSequence: fc.nat(),
      discontinuitySequence: fc.nat(),
      segments: fc.array(segment),
      isEnded: fc.boolean(),
    },
    PLAIN,
  );
  fc.assert(fc.property(playlist, (each) => assert.deepEqual(parsePlaylist(serializePlaylist(each)), each)));
});

test('what another program wrote is read as far as it is known, or not at all', () => {
  const windows = LIVE_TEXT.replaceAll('\n', '\r\n').replace('#EXTINF:4.000,', '#EXTINF:4,title\r\n#EXT-X-BYTERANGE:7');
  assert.deepEqual(parsePlaylist(windows), LIVE);
  for (const text of ['', 'x', '#EXTM3U', '#EXTM3U\n#EXT-X-TARGETDURATION:x\n', '\0'.repeat(100)]) {
    assert.equal(parsePlaylist(text), null, text);
  }
  fc.assert(fc.property(fc.string(), (text) => void parsePlaylist(`#EXTM3U\n#EXT-X-TARGETDURATION:1\n${text}`)));
});
