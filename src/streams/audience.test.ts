import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Audience, type Batch, type Flow, type Player, type Sink } from './audience.ts';
import type { Branch, BranchOwner } from './fanout.ts';
import { FakePeer, fakeHub, identity, playFrom, publishTo, textFormat, video, videoTracks } from './hub.fixture.ts';

const OPTIONS = { gopNum: 2, backlogBytes: 1000, backlogMs: 10_000 };
const NO_BYTES = Buffer.alloc(0);
const OPENING = { preamble: Buffer.from('P'), header: Buffer.from('H') };

class FakePlayer implements Player, Sink {
  sink: Sink | null = null;
  flow: Flow = 'waiting';
  dropped = 0;
  writes: string[] = [];
  writableLength = 0;
  drop(frames: number): void {
    this.dropped += frames;
  }
  write(bytes: Buffer): void {
    this.writes.push(bytes.toString());
  }
}

/** A batch that begins a GOP has a header: `h` and its own text. */
const batch = (text: string, starts = false, frames = 1): Batch => ({
  bytes: Buffer.from(text),
  frames,
  starts,
  header: starts ? Buffer.from(`h${text}`) : null,
});

test('an audience that begins with what another has kept gives newcomers the same', () => {
  const first = new Audience(OPTIONS);
  for (const [text, starts] of [
    ['0', false],
    ['A', true],
    ['a', false],
    ['B', true],
  ] as const)
    first.write(batch(text, starts));
  const second = new Audience(OPTIONS, first.gops);
  for (const audience of [first, second]) {
    audience.writeTracks(Buffer.from('t'));
    audience.write(batch('b'));
    const player = new FakePlayer();
    audience.join(player, player, OPENING);
    audience.write(batch('C', true));
    assert.deepEqual(player.writes, ['PhAAaBtb', 'C']);
    const next = new FakePlayer();
    audience.join(next, next, OPENING);
    assert.deepEqual(next.writes, ['PhBBtbC'], 'two GOPs are kept');
  }
});

test('newcomers who are sent much share its memory, what they get is the same', () => {
  const audience = new Audience({ ...OPTIONS, backlogBytes: 1 << 20 });
  const large = { bytes: Buffer.alloc(300_000, 'x'), frames: 1, starts: true, header: Buffer.from('h') };
  audience.write(large);
  const got: Buffer[] = [];
  const sink: Sink = { writableLength: 0, write: (bytes) => void got.push(bytes) };
  audience.join(new FakePlayer(), sink, OPENING);
  assert.deepEqual(
    got.map((bytes) => bytes.length),
    [1, 1, 300_000],
  );
  assert.equal(got[2]?.buffer, large.bytes.buffer);
});

test('a GOP of very many batches is given to newcomers whole', () => {
  const audience = new Audience({ ...OPTIONS, backlogBytes: 1 << 20 });
  audience.write(batch('A', true));
  for (let i = 0; i < 200_000; i++) audience.write(batch('a'));
  const player = new FakePlayer();
  audience.join(player, player, OPENING);
  assert.deepEqual(
    player.writes.map((text) => text.length),
    ['PhAA'.length + 200_000],
  );
});

test('batches that never came: players go on at the next one at which they can start, and what they lost is counted', () => {
  const audience = new Audience(OPTIONS);
  const live = new FakePlayer();
  const waiting = new FakePlayer();
  const closed = new FakePlayer();
  audience.join(live, live, OPENING);
  audience.join(closed, closed, OPENING);
  audience.write(batch('A', true));
  closed.sink = null;
  audience.restart();
  audience.write(batch('B', true));
  audience.dropCache();
  audience.join(waiting, waiting, OPENING);
  audience.miss(7);
  const late = new FakePlayer();
  audience.join(late, late, OPENING);
  audience.write(batch('c'));
  audience.write(batch('D', true));
  assert.deepEqual(live.writes, ['PH', 'A', 'B', 'D']);
  assert.deepEqual([live.dropped, waiting.dropped, late.dropped], [8, 0, 0]);
  assert.deepEqual(
    [waiting.writes, late.writes, closed.writes],
    [
      ['PH', 'D'],
      ['PH', 'D'],
      ['PH', 'A'],
    ],
  );
});

test('a publisher that changes its tracks without end loses what is kept, and no more', () => {
  const audience = new Audience(OPTIONS);
  const player = new FakePlayer();
  audience.join(player, player, OPENING);
  audience.write(batch('A', true));
  for (let i = 0; i < 5; i++) audience.writeTracks(Buffer.alloc(1024 * 1024));
  assert.equal(audience.gops.length, 0);
  assert.equal(player.writes.length, 7);
  audience.write(batch('B', true));
  assert.deepEqual(
    audience.gops.map(({ header }) => header.toString()),
    ['hB'],
  );
});

test('who leaves is written to no more, and an audience that all have left is empty', () => {
  const audience = new Audience(OPTIONS);
  const player = new FakePlayer();
  audience.join(player, player, { preamble: NO_BYTES, header: NO_BYTES });
  assert.deepEqual([player.writes, audience.isEmpty], [[], false]);
  audience.leave(player);
  audience.write(batch('A', true));
  assert.deepEqual([player.writes, audience.isEmpty], [[], true]);
});

/** Another thread's side, which writes down what it is told. */
function recorder() {
  const told: string[] = [];
  const branch: Branch = {
    write: ({ bytes, starts, header }) => told.push(`${bytes}${starts ? ` starts, header ${header}` : ''}`),
    writeTracks: (bytes) => told.push(`tracks ${bytes}`),
    dropCache: () => told.push('drop cache'),
    restart: () => told.push('restart'),
    close: () => told.push('close'),
  };
  const owner: BranchOwner = {
    openBranch: ({ gopNum }, gops) => {
      told.push(`open with ${gops.map(({ header, batches }) => header + batches.join('')).join(' ')} of ${gopNum}`);
      return branch;
    },
  };
  return { told, owner };
}

test('a branch is given what the audience here is given, from the first of its players to the last', async () => {
  const { registry } = fakeHub({ gopNum: 1, formats: { text: { gopNum: 1, mergeWriteBytes: 0 } } });
  const publisher = await publishTo(registry, 'PUB1');
  publisher.setTracks(videoTracks);
  const here = await playFrom(registry, 'SUB1');
  publisher.write(video(0, true));
  const { told, owner } = recorder();
  const there = await Promise.all(
    ['SUB2', 'SUB3'].map(async (id) => {
      const result = await registry.subscribe(identity(id), new FakePeer());
      assert.ok(result.ok);
      const branched = result.subscription.attachBranch(textFormat, owner);
      assert.equal(`${branched?.opening.preamble}${branched?.opening.header}`, 'PH');
      return { ...result, branched };
    }),
  );
  publisher.write(video(40));
  publisher.setTracks({ ...videoTracks });
  publisher.write(video(80, true));
  assert.deepEqual(told, ['open with HV0 of 1', 'v40', 'tracks T', 'V80 starts, header H']);
  assert.deepEqual(here.peer.writes.slice(1), ['V0', 'v40', 'T', 'V80']);

  there[0]?.branched?.report(5, true, 3);
  assert.equal(registry.group('s')?.subs.find(({ sessionId }) => sessionId === 'SUB2')?.droppedFrames, 3);
  here.subscription.close('peer closed');
  there[0]?.subscription.close('peer closed');
  publisher.close('peer closed');
  assert.deepEqual(told.slice(4), ['drop cache', 'restart']);
  there[1]?.subscription.close('peer closed');
  assert.deepEqual(told.slice(6), ['close']);
  assert.deepEqual(registry.groups(), []);
});

test('a player in another thread that does not take its bytes is closed like any other', async () => {
  const { registry, clock } = fakeHub();
  const { owner } = recorder();
  const peer = new FakePeer();
  const result = await registry.subscribe(identity('SUB1'), peer);
  assert.ok(result.ok);
  const branched = result.subscription.attachBranch(textFormat, owner);
  branched?.report(5, false, 0);
  for (let second = 0; second < 11; second++) {
    clock.now += 1000;
    registry.tick();
  }
  assert.equal(peer.closed, 'timed out');
  assert.equal(result.subscription.attachBranch(textFormat, owner), null, 'it is to end');
});
