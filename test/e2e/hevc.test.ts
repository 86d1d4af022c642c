/** How H265 is tagged in RTMP, HTTP-FLV and records: by codec id 12, or as enhanced RTMP has it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { TestClient } from '../../src/protocols/rtmp/client.fixture.ts';
import { HttpPlayer } from '../support/http.ts';
import { GOPS_CACHED, type Millrace, startServer } from '../support/millrace.ts';
import { start } from '../support/process.ts';
import { fileScope, type Scope, tempDir } from '../support/temp-dir.ts';
import { withPatience } from '../support/wait-for.ts';

/** Frame type 1 with codec id 12 and the sequence header's packet type 0 (the convention of older players). */
const BY_CODEC_ID = '1c00000000';
/** Frame type 1, PacketTypeSequenceStart, and the FourCC (Enhanced RTMP v1, "Enhancing ExVideoTagHeader"). */
const ENHANCED = `90${Buffer.from('hvc1').toString('hex')}`;

const scope = fileScope();
let plain: Millrace;
let enhanced: Millrace;

before(async () => {
  const config = { ...GOPS_CACHED, rtsp: { enable: true, addr: '127.0.0.1:0' } };
  plain = await startServer(scope, config);
  enhanced = await startServer(scope, {
    ...config,
    record: { enable_flv: true, flv_out_path: tempDir(scope) },
    // players in threads of their own get their formats by name
    millrace: { flv: { hevc: 'enhanced' }, threads: 2 },
  });
  for (const server of [plain, enhanced]) {
    publishHevc(scope, server.url('rtsp', 'live/h'));
    await server.log.waitFor('the publisher', (line) => line['stream'] === 'h');
  }
});

function publishHevc(owner: Scope, url: string): void {
  const input = ['-v', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25'];
  const encode = ['-c:v', 'libx265', '-x265-params', 'log-level=0', '-preset', 'ultrafast', '-g', '25'];
  start(owner, 'ffmpeg', [...input, ...encode, '-pix_fmt', 'yuv420p', '-f', 'rtsp', '-rtsp_transport', 'tcp', url]);
}

/** The beginning of the first video message that an RTMP player is sent. */
async function rtmpTag(t: Scope, server: Millrace, fourCcList: readonly string[]): Promise<string> {
  const client = await TestClient.open(server.port('rtmp'));
  t.after(() => void client.socket.destroy());
  await client.connectApp('live', fourCcList);
  client.call('play', 3, 'h');
  const first = () => client.received.find((message) => message.type === 'video');
  await withPatience(
    client.until(() => first() !== undefined),
    () => 'no video came',
  );
  const message = first();
  return message?.type === 'video' ? message.payload.subarray(0, 5).toString('hex') : 'closed';
}

/** The same of an FLV stream or file; null where it is not there yet. */
function firstVideoTag(flv: Buffer): string | null {
  for (let at = 13; at + 16 <= flv.length; at += 15 + flv.readUIntBE(at + 1, 3)) {
    if (flv[at] === 9) return flv.subarray(at + 11, at + 16).toString('hex');
  }
  return null;
}

async function httpTag(t: Scope, url: string): Promise<string | null> {
  const player = new HttpPlayer(t, url);
  for (let bytes = 100; ; bytes += 100) {
    const tag = firstVideoTag(await player.body(bytes));
    if (tag !== null) return tag;
  }
}

test('as it is configured nowhere: codec id 12, and enhanced RTMP for those who say that they know it', async (t) => {
  assert.equal(await rtmpTag(t, plain, []), BY_CODEC_ID);
  assert.equal(await rtmpTag(t, plain, ['av01', 'vp09']), BY_CODEC_ID);
  assert.equal(await rtmpTag(t, plain, ['av01', 'hvc1']), ENHANCED);
  assert.equal(await rtmpTag(t, plain, ['*']), ENHANCED);
  assert.equal(await httpTag(t, plain.url('http', 'live/h.flv')), BY_CODEC_ID);
});

test('configured as enhanced: for every player, on every thread, and in records', async (t) => {
  for (let i = 0; i < 4; i++) assert.equal(await rtmpTag(t, enhanced, []), ENHANCED);
  for (let i = 0; i < 4; i++) assert.equal(await httpTag(t, enhanced.url('http', 'live/h.flv')), ENHANCED);
  await enhanced.api('/api/record/stop', { stream_name: 'h' });
  const { path } = await enhanced.log.waitFor('the record', (line) => line['msg'] === 'record complete');
  assert.equal(firstVideoTag(readFileSync(String(path))), ENHANCED);
});
