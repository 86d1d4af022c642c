import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WaitingRoom } from './waiting-room.ts';

describe('WaitingRoom', () => {
  it('answers those whose time has come, and keeps the others', async () => {
    const room = new WaitingRoom<number>(3);
    let level = 0;
    const answers = [1, 2].map((needed) => room.wait(() => (level >= needed ? level : null), 10_000, -1));
    room.wake();
    assert.equal(room.size, 2);
    level = 1;
    room.wake();
    assert.equal(await answers[0], 1);
    assert.equal(room.size, 1);
    level = 5;
    room.wake();
    assert.equal(await answers[1], 5);
    assert.equal(room.size, 0);
  });

  it('says when it is full, and has room again when patience ends', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const room = new WaitingRoom<string>(1);
    const answer = room.wait(() => null, 3000, 'expired');
    assert.ok(room.full);
    t.mock.timers.tick(2999);
    assert.ok(room.full);
    t.mock.timers.tick(1);
    assert.equal(await answer, 'expired');
    assert.ok(!room.full);
  });

  it('has room again as soon as nobody waits any more', async () => {
    const room = new WaitingRoom<string>(1);
    const gone = new AbortController();
    const answer = room.wait(() => null, 60_000, 'expired', gone.signal);
    assert.ok(room.full);
    gone.abort();
    assert.ok(!room.full);
    assert.equal(await answer, 'expired');
    assert.equal(await room.wait(() => null, 60_000, 'expired', gone.signal), 'expired');
    assert.equal(room.size, 0);
  });
});
