/** Requests and their answers on real sockets: every state, method and limit, and what peers do wrong. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { makeCertificate } from '../../../test/support/tls.ts';
import { MAX_BODY_BYTES, serializeInterleaved } from '../../wire/rtsp/index.ts';
import { aac, publishFrames, rtp, servers, tracksOf, VIDEO_SDP, videoTrack } from './server.fixture.ts';

const { start, open } = servers();
const both = tracksOf(videoTrack, aac);

const STATES: readonly (readonly [method: string, status: number, fields?: readonly (readonly [string, string])[]])[] =
  [
    ['OPTIONS', 200],
    ['GET_PARAMETER', 200],
    ['SET_PARAMETER', 200],
    ['PLAY', 455],
    ['PAUSE', 455],
    ['RECORD', 455],
    ['SETUP', 455],
    ['TEARDOWN', 454],
    ['REDIRECT', 405],
    ['BLAH', 501],
    ['options', 501],
    ['PLAY', 454, [['Session', '1234']]],
    ['OPTIONS', 454, [['Session', '1234;timeout=60']]],
    ['OPTIONS', 551, [['Require', 'funky-feature']]],
    ['ANNOUNCE', 415, [['Content-Type', 'text/plain']]],
  ];

test('what cannot be done now, or at all, is answered and the connection goes on', async () => {
  const at = await start();
  const client = await open(at);
  for (const [method, status, fields] of STATES) {
    const answer = await client.ask(method, at.url('s'), fields);
    assert.equal(answer.status, status, `${method} ${JSON.stringify(fields ?? [])}: ${answer.reason}`);
  }
  const parameters = await client.ask('SET_PARAMETER', at.url('s'), [], Buffer.from('x: 1\r\n'));
  assert.equal(parameters.status, 451);
  assert.equal((await client.ask('DESCRIBE', 'rtsp://h/')).status, 400);
  assert.equal((await client.ask('DESCRIBE', 'rtsp://h/live/..')).status, 400);
  const version = await client.say(Buffer.from('OPTIONS * RTSP/2.0\r\nCSeq: 99\r\n\r\n'));
  assert.deepEqual([version.status, version.headers.get('CSeq')], [505, '99']);
  assert.deepEqual(at.facts, []);
});

test('descriptions that cannot be taken', async () => {
  const at = await start();
  const sdp = 'application/sdp';
  const announce = async (body: string): Promise<number> => {
    const client = await open(at);
    return (await client.ask('ANNOUNCE', at.url('s'), [['Content-Type', sdp]], Buffer.from(body))).status;
  };
  assert.equal(await announce('hello'), 400);
  assert.equal(await announce('v=0\r\n'), 415);
  assert.equal(await announce(VIDEO_SDP.replace('H264', 'VP8')), 415);
  assert.equal(await announce(`v=0\r\n${'m=video 0 RTP/AVP 96\r\n'.repeat(20)}`), 413);
  assert.deepEqual(at.facts, []);
});

const FAULTS: readonly (readonly [what: string, bytes: string, status: number])[] = [
  ['TLS', '\x16\x03\x01\x02\x00\x01\x00', 400],
  ['HTTP', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['NUL in the request line', 'OPTIONS rtsp://h/a\0b RTSP/1.0\r\nCSeq: 1\r\n\r\n', 400],
  ['no CSeq', 'OPTIONS * RTSP/1.0\r\n\r\n', 400],
  ['a negative Content-Length', 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: -1\r\n\r\n', 400],
  ['a huge Content-Length', `OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: ${MAX_BODY_BYTES + 1}\r\n\r\n`, 413],
  ['a head that does not end', 'X'.repeat(20_000), 413],
];
for (const [what, bytes, status] of FAULTS) {
  test(`${what} is answered ${status} and closed`, async () => {
    const at = await start();
    const client = await open(at);
    assert.equal((await client.say(Buffer.from(bytes, 'latin1'))).status, status);
    await client.untilClosed();
  });
}

test('at the TLS port: plain RTSP, and who never ends the handshake, are closed, and others are served', async (t) => {
  const at = await start({ tls: makeCertificate(t), handshakeTimeoutMs: 300 });
  const [plain, silent] = [await open(at), await open(at)];
  plain.socket.write(plain.bytes('OPTIONS', at.url('s')));
  await Promise.all([plain.untilClosed(), silent.untilClosed()]);
  assert.deepEqual([plain.responses, silent.responses, at.warnings], [[], [], []]);
  const socket = connect({ port: at.port, host: '127.0.0.1', rejectUnauthorized: false });
  t.after(() => socket.destroy());
  socket.write('OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n');
  const [answer] = await once(socket, 'data');
  assert.match(String(answer), /^RTSP\/1.0 200 OK\r\nCSeq: 1\r\n/);
});

test('a dialog byte by byte, packets for unknown channels and stray responses in it', async () => {
  const at = await start();
  const client = await open(at);
  const bytes = Buffer.concat([
    serializeInterleaved(255, Buffer.alloc(10)),
    client.bytes('OPTIONS', at.url('s')),
    Buffer.from('RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n'),
    client.bytes('ANNOUNCE', at.url('s'), [['Content-Type', 'application/sdp']], Buffer.from(VIDEO_SDP)),
    serializeInterleaved(0, Buffer.alloc(10)),
    client.bytes('SETUP', `${at.url('s')}/streamid=0`, [['Transport', 'RTP/AVP/TCP;interleaved=0-1']]),
    client.bytes('RECORD', at.url('s')),
    serializeInterleaved(77, Buffer.alloc(10)),
    serializeInterleaved(0, rtp(0, 0, [0x65, 0x88])),
    serializeInterleaved(0, Buffer.alloc(3)),
    serializeInterleaved(1, Buffer.alloc(0)),
    client.bytes('OPTIONS', at.url('s')),
  ]);
  for (const byte of bytes) client.socket.write(Buffer.of(byte));
  await client.until(() => client.responses.length === 5);
  assert.deepEqual(
    client.responses.map(({ status, headers }) => `${headers.get('CSeq')} ${status}`),
    ['1 200', '2 200', '3 200', '4 200', '5 200'],
  );
});

test('too much ahead of an answer', async () => {
  const at = await start({ publisherWaitMs: 20_000 });
  const client = await open(at);
  client.socket.write(client.bytes('DESCRIBE', at.url('s')));
  for (let i = 0; i < 20; i++) client.packet(0, Buffer.alloc(65_535));
  assert.equal((await client.response(0)).status, 413);
  await client.untilClosed();
  assert.match(at.warnings.join(), /ahead of an answer, allowed are 1048576/);
});

test('whatever is asked in whatever order is answered, or the connection closed', async () => {
  const at = await start({ publisherWaitMs: 5 });
  await publishFrames(at.registry, both);
  const names = fc.constantFrom('s', 'other', 's/trackID=0', 'other/streamid=0', '');
  const field = fc.constantFrom<readonly [string, string]>(
    ['Transport', 'RTP/AVP/TCP;interleaved=0-1'],
    ['Transport', 'RTP/AVP;unicast;client_port=9-10'],
    ['Content-Type', 'application/sdp'],
    ['Session', 'x'],
    ['Accept', ''],
  );
  const methods = 'OPTIONS DESCRIBE ANNOUNCE SETUP PLAY PAUSE RECORD TEARDOWN GET_PARAMETER NONE'.split(' ');
  const step = fc.record({
    method: fc.constantFrom(...methods),
    name: names,
    fields: fc.array(field, { maxLength: 2 }),
    body: fc.constantFrom('', VIDEO_SDP, 'x'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const client = await open(at);
      for (const { method, name, fields, body } of steps) {
        // a PLAY that is right waits for pictures that do not come
        if (method === 'PLAY' && client.session !== null) continue;
        const before = client.responses.length;
        client.socket.write(client.bytes(method, at.url(name), fields, Buffer.from(body)));
        await client.until(() => client.responses.length > before);
        if (client.closed) break;
        client.session = client.responses.at(-1)?.headers.get('Session')?.split(';')[0] ?? client.session;
      }
      client.socket.destroy();
      await client.untilClosed();
    }),
    { numRuns: 60 },
  );
  assert.deepEqual(
    at.warnings.filter((text) => text.includes('fault of the server')),
    [],
  );
  await at.stop();
  assertPaired(at.story());
});

/** Each session that started has stopped, once, and no other. */
function assertPaired(story: readonly string[]): void {
  const sessions = (kind: string): string[] =>
    story.filter((line) => line.startsWith(`${kind} `)).map((line) => line.split(' ')[1] ?? '');
  assert.deepEqual(sessions('stop').sort(), sessions('start').sort());
  assert.equal(new Set(sessions('start')).size, sessions('start').length);
}

type Request = readonly [method: string, path: string, fields?: readonly (readonly [string, string])[], body?: string];
const setups = (control: string): Request[] =>
  ['RTP/AVP/TCP;interleaved=0-1', 'RTP/AVP;unicast;client_port=5000-5001'].map((transport) => [
    'SETUP',
    control,
    [['Transport', transport]],
  ]);
const DIALOGS: readonly (readonly Request[])[] = [
  ...setups('/streamid=0').map((setup): Request[] => [
    ['ANNOUNCE', '', [['Content-Type', 'application/sdp']], VIDEO_SDP],
    setup,
    ['RECORD', ''],
    ['PAUSE', ''],
    ['TEARDOWN', ''],
  ]),
  ...setups('/trackID=0').map((setup): Request[] => [
    ['DESCRIBE', ''],
    setup,
    ['PLAY', ''],
    ['PAUSE', ''],
    ['PLAY', ''],
    ['TEARDOWN', ''],
  ]),
];

for (const end of ['the client vanishes', 'the client ends', 'the server stops', 'all are kicked'] as const) {
  test(`in whatever state ${end}, what started stops`, async () => {
    for (const dialog of DIALOGS) {
      for (let count = 0; count <= dialog.length; count++) {
        for (const isLastAnswered of [true, false]) {
          const at = await start();
          const isPlayer = dialog[0]?.[0] === 'DESCRIBE';
          const live = isPlayer ? await publishFrames(at.registry, both) : null;
          const client = await open(at);
          for (const [i, [method, path, fields, body]] of dialog.slice(0, count).entries()) {
            client.socket.write(client.bytes(method, at.url('s') + path, fields, Buffer.from(body ?? '')));
            if (i === count - 1 && !isLastAnswered) break;
            if (method === 'PLAY') {
              // held until a picture comes, which it cannot before the player waits for it
              while (client.responses.length === i) {
                live?.picture(0, true);
                await new Promise(setImmediate);
              }
            }
            assert.equal((await client.response(i)).status, 200, `${method} ${path}`);
          }
          if (end === 'the client vanishes') client.socket.resetAndDestroy();
          else if (end === 'the client ends') client.socket.end();
          else if (end === 'the server stops') await at.stop();
          else {
            // of those who are there: what is asked last may come after it
            at.registry.kickWhere(() => true);
            client.socket.destroy();
          }
          await client.untilClosed();
          const facts = (kind: string): number => at.story().filter((line) => line.startsWith(`${kind} RTSP`)).length;
          for (let tries = 0; tries < 200 && facts('start') !== facts('stop'); tries++) {
            await new Promise(setImmediate);
          }
          const where = `after ${count} of ${dialog.map(([method]) => method)}, answered: ${isLastAnswered}`;
          assert.equal(facts('stop'), facts('start'), `${where}: ${at.story().join('; ')}`);
          await at.stop();
          assertPaired(at.story());
        }
      }
    }
  });
}
