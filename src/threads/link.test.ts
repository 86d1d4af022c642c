import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import { Link, type MessageEnd } from './link.ts';

interface Message {
  readonly n: number;
  readonly [key: string]: unknown;
}

/** Two ends within one thread; `posts` counts what really goes over, `arrived` resolves with the n-th message. */
function pair(t: TestContext, maxBytes?: number) {
  const { port1, port2 } = new MessageChannel();
  t.after(() => port1.close());
  const got: Message[] = [];
  const waiting = new Map<number, (message: Message) => void>();
  let posts = 0;
  const counted: MessageEnd = {
    postMessage: (value, transfer) => {
      posts++;
      port1.postMessage(value, transfer);
    },
    on: (_, listener) => port1.on('message', listener),
  };
  const near = new Link<Message, Message>(counted, () => {}, maxBytes);
  const far = new Link<Message, Message>(
    port2,
    (message) => {
      got.push(message);
      waiting.get(message.n)?.(message);
    },
    maxBytes,
  );
  const arrived = (n: number): Promise<Message> => {
    const here = got.find((message) => message.n === n);
    return here !== undefined ? Promise.resolve(here) : new Promise((resolve) => waiting.set(n, resolve));
  };
  return { near, far, got, arrived, posts: () => posts };
}

test('plain data comes out as it went in, buffers as buffers of their own', async (t) => {
  const { near, arrived } = pair(t);
  const slab = Buffer.alloc(65_536, 1);
  const view = slab.subarray(100, 110);
  const numbers = Float64Array.of(1, 2.5);
  near.send({ n: 1, view, list: [view, null, 'x'], deep: { view, none: undefined, yes: true }, numbers });
  // what was sent is a copy: the sender goes on with its own
  slab.fill(9);
  const { view: came, list, deep, numbers: cameNumbers } = await arrived(1);
  const expected = Buffer.alloc(10, 1);
  assert.ok(Buffer.isBuffer(came));
  assert.deepEqual(came, expected);
  assert.equal(came.buffer.byteLength, 10, 'the slab around it stays where it is');
  assert.deepEqual(list, [expected, null, 'x']);
  assert.deepEqual(deep, { view: expected, none: undefined, yes: true });
  assert.deepEqual(cameNumbers, numbers);
});

test('an error keeps its name and message; what no other thread can have becomes text', async (t) => {
  const { near, arrived } = pair(t);
  near.send({ n: 1, error: new RangeError('too far'), run: () => 1, map: new Map([[1, 2]]), symbol: Symbol('s') });
  const { error, run, map, symbol } = await arrived(1);
  assert.ok(error instanceof Error);
  assert.deepEqual([error.name, error.message], ['RangeError', 'too far']);
  assert.deepEqual([typeof run, map, symbol], ['string', 'Map(1) { 1 => 2 }', 'Symbol(s)']);
});

test('what is sent within one turn goes over at once, in order', async (t) => {
  const { near, got, arrived, posts } = pair(t);
  for (let n = 1; n <= 100; n++) near.send({ n });
  await arrived(100);
  assert.deepEqual(
    got.map(({ n }) => n),
    Array.from({ length: 100 }, (_, i) => i + 1),
  );
  assert.equal(posts(), 1);
});

test('it is full with more than its bound under way, and has room again once the other side has handled most', async (t) => {
  const { near, arrived } = pair(t, 10_000);
  assert.deepEqual([near.isFull, near.hasRoom], [false, true]);
  near.send({ n: 1, bytes: Buffer.alloc(6000) });
  assert.deepEqual([near.isFull, near.hasRoom], [false, false]);
  near.send({ n: 2, bytes: Buffer.alloc(6000) });
  assert.deepEqual([near.isFull, near.hasRoom], [true, false]);
  await turn();
  assert.deepEqual([near.isFull, near.hasRoom], [true, false], 'posted is not handled');
  await arrived(2);
  while (!near.hasRoom) await turn();
  assert.equal(near.isFull, false);
});

test('a closed end sends nothing', async (t) => {
  const { near, got, posts } = pair(t);
  near.send({ n: 1 });
  near.close();
  near.send({ n: 2 });
  await turn();
  await turn();
  assert.deepEqual([got, posts()], [[], 0]);
});
