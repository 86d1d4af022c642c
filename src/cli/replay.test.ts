/** Tests of `millrace replay`: order, pace, one connection at a time, datagrams, and its arguments. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net, { type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { replay } from './replay.ts';
import { FakeTerminal } from './terminal.fixture.ts';

/** A file of packets, each with its time in milliseconds. */
function dump(t: TestContext, packets: readonly (readonly [number, string | Buffer])[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-replay-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const records = packets.map(([ms, content]) => {
    const bytes = Buffer.from(content);
    const head = Buffer.alloc(12);
    head.writeUInt32BE(bytes.length, 0);
    head.writeBigUInt64BE(BigInt(1_795_561_452_000 + ms), 4);
    return Buffer.concat([head, bytes]);
  });
  const file = join(folder, 'a.dump');
  writeFileSync(file, Buffer.concat(records));
  return file;
}

async function serving(t: TestContext, file: string): Promise<{ terminal: FakeTerminal; connect: () => Socket }> {
  const terminal = new FakeTerminal();
  const ended = replay([file, '--port', '0'], terminal);
  t.after(async () => {
    terminal.end();
    assert.equal(await ended, 0);
  });
  const port = Number(/\d+$/.exec(await terminal.line(/^listening/))?.[0]);
  return { terminal, connect: () => net.connect(port, '127.0.0.1').on('error', () => {}) };
}

async function received(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString();
  });
  await once(socket, 'close');
  return text;
}

test('each connection gets all of it, at its pace, and is ended', async (t) => {
  // the clock is set back once
  const file = dump(t, [
    [0, 'a'],
    [10, 'b'],
    [5, 'c'],
    [305, 'd'],
  ]);
  const { connect } = await serving(t, file);
  for (let times = 0; times < 2; times++) {
    const began = performance.now();
    const socket = connect();
    socket.write('hello');
    assert.equal(await received(socket), 'abcd');
    assert.ok(performance.now() - began >= 300);
  }
});

test('an answer waits for a client that is about to ask, and goes out to one that says nothing', async (t) => {
  const file = dump(t, [
    [0, '1'],
    [0, '2'],
    [0, '3'],
  ]);
  const { connect } = await serving(t, file);
  const socket = connect();
  const asked: string[] = [];
  socket.on('data', (bytes: Buffer) => {
    asked.push(bytes.toString());
    socket.write('next');
  });
  socket.write('first');
  await once(socket, 'close');
  assert.deepEqual(asked, ['1', '2', '3']);
  assert.equal(await received(connect()), '123');
});

test('one at a time', async (t) => {
  const file = dump(t, [
    [0, 'a'],
    [30_000, 'b'],
  ]);
  const { terminal, connect } = await serving(t, file);
  const first = connect();
  await once(first, 'data');
  assert.equal(await received(connect()), '');
  assert.deepEqual(terminal.errors, ['a connection was refused: one at a time']);
  first.destroy();
  await terminal.line(/left after 1 packets, 1 bytes/);
  const next = connect();
  assert.equal(String((await once(next, 'data'))[0]), 'a');
});

test('datagrams', async (t) => {
  const file = dump(t, [
    [0, 'one'],
    [1, Buffer.alloc(65_535)],
    [2, Buffer.alloc(1400, 'x')],
  ]);
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  t.after(() => socket.close());
  await once(socket, 'listening');
  const got: Buffer[] = [];
  const both = new Promise<void>((resolve) => {
    socket.on('message', (bytes) => {
      if (got.push(bytes) === 2) resolve();
    });
  });
  const terminal = new FakeTerminal();
  assert.equal(await replay([file, '--udp', `127.0.0.1:${socket.address().port}`], terminal), 0);
  await both;
  assert.deepEqual(got, [Buffer.from('one'), Buffer.alloc(1400, 'x')]);
  assert.deepEqual(terminal.lines, ['sent 2 packets, 1403 bytes']);
  assert.equal(terminal.errors.length, 1);
});

test('arguments and files that make no sense are told', async (t) => {
  const file = dump(t, [[0, 'a']]);
  for (const [args, why] of [
    [[], /one file is needed/],
    [[file], /either --port or --udp/],
    [[file, '--port', '1', '--udp', 'h:1'], /either --port or --udp/],
    [[file, file, '--port', '0'], /one file is needed/],
    [[file, '--udp', 'nowhere'], /--udp: found "nowhere"/],
    [[`${file}.none`, '--port', '0'], /ENOENT/],
  ] as const) {
    await assert.rejects(replay(args, new FakeTerminal()), why);
  }
});
