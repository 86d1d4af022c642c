/** A short soak, and that what a soak judges by would see a fault. The long one is `npm run soak`. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { judge, type KeptEvent } from '../../scripts/soak/book.ts';
import { type Guest, Guests } from '../../scripts/soak/guests.ts';
import { growthFaults, type Look } from '../../scripts/soak/held.ts';
import type { Delivery } from '../chaos/receiver.ts';
import { run } from '../support/process.ts';

const MB = 1024 * 1024;
const SOAK = join(import.meta.dirname, '../../scripts/soak.ts');

test('publishers and players of all protocols come and go, and nothing of them is left', async (t) => {
  const options = ['--minutes', '0.2', '--rounds', '2', '--threads', '2', '--peers', '6', '--seed', '7'];
  const { code, stdout, stderr } = await run(t, process.execPath, [SOAK, ...options]);
  const said = `${stdout.toString()}${stderr}`;
  assert.equal(code, 0, said);
  assert.match(said, /everything held/);
  assert.ok(Number(/^sessions +(\d+)$/m.exec(said)?.[1]) > 10, said);
});

describe('the book of the receiver', () => {
  /** A player's start and stop, of a stream that nobody publishes. */
  const start = delivery(1, 1, 'on_sub_start', { wrote_bytes_sum: 0, has_out_session: true });
  const stop = delivery(2, 2, 'on_sub_stop', { wrote_bytes_sum: 900, has_out_session: false });
  const faultsOf = (accepted: readonly Delivery[], kept = accepted.map(keptOf), ...guests: Guest[]): string =>
    judge({ accepted, kept, guests: new Map(guests.map((guest) => [guest.token, guest])) }).faults.join('\n');

  test('is right where all came once, or again the same', () => {
    assert.equal(faultsOf([start, stop]), '');
    assert.equal(faultsOf([start, start, stop, stop], [start, stop].map(keptOf)), '');
  });

  test('shows what was lost', () => {
    assert.match(faultsOf([start]), /FLVSUB1 started and never stopped/);
    assert.match(faultsOf([stop]), /came after number 0.*\n.*FLVSUB1 stopped without a start/);
    assert.match(faultsOf([start, stop], [keptOf(start)]), /msg-2 came, and the server knows nothing of it/);
    const waits = { ...keptOf(stop), state: 'waiting' };
    assert.match(faultsOf([start, stop], [keptOf(start), waits]), /on_sub_stop 2 is waiting/);
    const third = keptOf(delivery(3, 3, 'on_sub_start', {}));
    assert.match(
      faultsOf([start, stop], [...[start, stop].map(keptOf), third]),
      /on_sub_start 3 is delivered, and never came/,
    );
  });

  test('shows what came twice, changed, or in the wrong order', () => {
    const changed = { ...stop, body: stop.body.replace('900', '901') };
    assert.match(faultsOf([start, stop, changed], [start, stop].map(keptOf)), /came again as another/);
    assert.match(faultsOf([start, changed], [start, stop].map(keptOf)), /is kept as another/);
    assert.match(faultsOf([stop, start]), /on_sub_stop 2: came after number 0/);
    const again = delivery(3, 3, 'on_sub_stop', { wrote_bytes_sum: 900, has_out_session: false });
    assert.match(faultsOf([start, stop, again]), /FLVSUB1 stopped before/);
    const second = delivery(2, 2, 'on_sub_start', { wrote_bytes_sum: 0, has_out_session: true });
    assert.match(faultsOf([start, second, { ...again, reason: 'kicked' }]), /FLVSUB1 started before/);
  });

  test('shows what cannot be', () => {
    const less = delivery(2, 2, 'on_sub_stop', { wrote_bytes_sum: -1, has_out_session: false });
    assert.match(faultsOf([start, less]), /wrote_bytes_sum was 0 at the start/);
    const moved = delivery(2, 2, 'on_sub_stop', {
      wrote_bytes_sum: 9,
      has_out_session: false,
      remote_addr: '127.0.0.1:2',
    });
    assert.match(faultsOf([start, moved]), /remote_addr was 127\.0\.0\.1:1 at the start/);
    const stays = delivery(2, 2, 'on_sub_stop', { wrote_bytes_sum: 9, has_out_session: true });
    assert.match(faultsOf([start, stays]), /has_out_session is false/);
  });

  test('shows what guests know better', () => {
    const guest = (changes: Partial<Guest>): Guest => ({ ...new Guests().come('SUB'), ...changes });
    const both = [start, stop];
    assert.equal(faultsOf(both, both.map(keptOf), guest({ fate: 'in', received: 900 })), '');
    assert.match(faultsOf(both, both.map(keptOf), guest({ fate: 'in', received: 901 })), /901 bytes of it were seen/);
    assert.match(faultsOf(both, both.map(keptOf), guest({ fate: 'refused' })), /g1 was to be refused, and was let in/);
    assert.match(faultsOf([], [], guest({ fate: 'in' })), /g1 had 0 bytes, and was never told of/);
    assert.match(faultsOf(both, both.map(keptOf), guest({ baseType: 'PUB' })), /g1 came as PUB and was told of as SUB/);
  });
});

describe('what the server holds', () => {
  /** After warm-up, in rounds of a hundred sessions. `noise` is added to every other one. */
  const looks = (growthPerRound: number, noise: number, timersPerRound = 0): Look[] =>
    Array.from({ length: 12 }, (_, round) => ({
      sessions: round * 100,
      held: {
        threads: [
          {
            thread: 'main',
            heapUsed: 40 * MB + round * growthPerRound + (round % 2) * noise,
            arrayBuffers: 0,
            resources: { Timeout: 16 + (round % 2) + round * timersPerRound },
          },
        ],
        rss: 200 * MB,
        descriptors: ['socket', 'socket'],
      },
    }));

  test('may go up and down', () => {
    assert.deepEqual(growthFaults(looks(0, 4 * MB)), []);
    assert.deepEqual(growthFaults(looks(50_000, 0)), []);
  });

  test('may not rise with the sessions', () => {
    assert.match(growthFaults(looks(MB, MB / 2)).join('\n'), /heap and buffers grew by 1\d{4} ± \d+ bytes a session/);
  });

  test('may not be left behind', () => {
    assert.match(growthFaults(looks(0, 0, 1)).join('\n'), /main Timeout: 26, after the warm-up 18/);
  });
});

function delivery(seq: number, streamSeq: number, event: string, fields: Record<string, unknown>): Delivery {
  const body = JSON.stringify({
    ...{ session_id: 'FLVSUB1', protocol: 'FLV', base_type: 'SUB', remote_addr: '127.0.0.1:1' },
    ...{ url: 'http://127.0.0.1/live/a.flv?n=g1', url_param: 'n=g1', stream_name: 'a' },
    ...{ has_in_session: false, read_bytes_sum: 70 },
    ...fields,
  });
  const reason = event.endsWith('_stop') ? 'peer closed' : null;
  return { life: 0, event, id: `msg-${seq}`, seq, streamSeq, attempt: 1, reason, body, isLater: false };
}

function keptOf({ seq, id, event, body }: Delivery): KeptEvent {
  return { seq, id, event, body, state: 'delivered' };
}
