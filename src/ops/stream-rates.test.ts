/** Tests of the streams' rates and of the bound on how many have a name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { group, session } from './snapshots.fixture.ts';
import { MAX_NAMED_STREAMS, OTHER_STREAMS, streamRates } from './stream-rates.ts';

const NOW = 1_000_000_500;

test('a stream’s rates: bytes of kbit of 1024 bit, frames of the last five full seconds', () => {
  const inFramePerSec = [1_000_000, 999_999, 999_998, 999_997, 999_996, 999_995, 999_994].map((unixSec) => ({
    unixSec,
    v: 30,
  }));
  const running = group('a', {
    pub: session('PUB', { readBitrateKbits: 1000 }),
    subs: [session('SUB', { writeBitrateKbits: 10 }), session('SUB', { writeBitrateKbits: 20 })],
    pushs: [session('PUSH', { writeBitrateKbits: 1 })],
    inFramePerSec: inFramePerSec.slice(1),
  });
  const idle = group('b', { subs: [session('SUB')] });
  assert.deepEqual(streamRates([idle, running], NOW), [
    { stream: 'a', readBytesPerSec: 128_000, wroteBytesPerSec: 31 * 128, framesPerSec: 30, players: 2 },
  ]);
  const stalled = { ...running, inFramePerSec: inFramePerSec.slice(4) };
  assert.equal(streamRates([stalled], NOW)[0]?.framesPerSec, 12);
});

test('beyond the bound, streams are one', () => {
  const pub = session('PUB', { readBitrateKbits: 1 });
  const many = Array.from({ length: MAX_NAMED_STREAMS + 3 }, (_, i) => group(`s${i}`, { pub, subs: [session('SUB')] }));
  const rates = streamRates(many, NOW);
  assert.equal(rates.length, MAX_NAMED_STREAMS + 1);
  assert.deepEqual(rates.at(-1), {
    ...{ stream: OTHER_STREAMS, readBytesPerSec: 384, wroteBytesPerSec: 0, framesPerSec: 0, players: 3 },
  });
  assert.equal(rates.at(-2)?.stream, `s${MAX_NAMED_STREAMS - 1}`);
});
