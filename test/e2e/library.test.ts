/** The library: the examples as a stranger runs them, with the package installed, and two servers in one process. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { before, test } from 'node:test';
import { ConfigError, createServer, type Frame, type ServerEvent } from '../../src/index.ts';
import { decodeStrict, probeLines, publish, source } from '../support/ffmpeg.ts';
import { HttpPlayer } from '../support/http.ts';
import { startServer } from '../support/millrace.ts';
import { installPackage } from '../support/package.ts';
import { type Running, run, start } from '../support/process.ts';
import { fileScope, type Scope, tempDir } from '../support/temp-dir.ts';
import { Arrivals, withPatience } from '../support/wait-for.ts';

const ROOT = join(import.meta.dirname, '../..');

const scope = fileScope();
/** Somebody's project, with the package and the examples in it. */
let project: string;

before(async () => {
  project = await installPackage(scope);
  cpSync(join(ROOT, 'examples'), join(project, 'examples'), { recursive: true });
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
});

/** An example as a process of its own, and the lines that it writes. */
function example(scope: Scope, name: string, args: readonly string[]): Running & { lines: Arrivals<string> } {
  const running = start(scope, process.execPath, [join(project, 'examples', name), ...args], { cwd: tempDir(scope) });
  const lines = new Arrivals<string>((line) => line);
  assert.ok(running.child.stdout);
  createInterface({ input: running.child.stdout }).on('line', (line) => lines.add(line));
  return { ...running, lines };
}

async function urlIn(lines: Arrivals<string>, begin: string): Promise<string> {
  const line = await lines.waitFor(begin, (each) => each.startsWith(begin));
  return line.slice(begin.length).split('?')[0] ?? '';
}

test('embed.ts decides who publishes what, and prints its events', async (t) => {
  const { child, finished, lines } = example(t, 'embed.ts', ['0', '0']);
  const rtmp = await urlIn(lines, 'publish to ');
  const http = await urlIn(lines, 'play ');
  assert.notEqual((await publish(t, `${rtmp}?key=nobody`, 'h264-640x360').finished).code, 0);
  publish(t, `${rtmp}?key=anna-1`, 'h264-640x360');
  await lines.waitFor('a publisher', (line) => /^on_pub_start: RTMPPUBSUB\d+ on anna$/.test(line));
  assert.deepEqual(await probeLines(t, http), ['h264 640x360', 'aac 48000']);
  child.kill('SIGTERM');
  const { code, stderr } = await withPatience(finished, () => 'the example did not end');
  assert.deepEqual([code, stderr], [0, '']);
  assert.ok(lines.all.some((line) => /^on_pub_stop: .* \(server stopped\), \d{5,} bytes in/.test(line)));
});

test('publish-file.ts publishes a file to its end', async (t) => {
  const flv = join(tempDir(t), 'film.flv');
  execFileSync('ffmpeg', ['-v', 'error', '-t', '6', '-i', source('h264-bframes-aac'), '-c', 'copy', flv]);
  const { finished, lines } = example(t, 'publish-file.ts', [flv, '0']);
  const url = await urlIn(lines, 'play ');
  await decodeStrict(t, url, 2);
  const { code, stderr } = await withPatience(finished, () => 'the example did not end');
  assert.deepEqual([code, stderr], [0, '']);
  assert.ok(lines.all.includes('publisher closed: peer closed'));
});

test('save-frames.ts saves a stream’s pictures as they are', async (t) => {
  const file = join(tempDir(t), 'saved.h264');
  const { child, finished, lines } = example(t, 'save-frames.ts', ['0', file]);
  const url = await urlIn(lines, 'publish to ');
  const publisher = publish(t, url, 'h264-640x360', { output: ['-t', '4'] });
  await publisher.finished;
  await lines.waitFor('the end of the publication', (line) => /^saved \d+ pictures/.test(line));
  child.kill('SIGTERM');
  assert.equal((await withPatience(finished, () => 'the example did not end')).code, 0);
  assert.deepEqual(await probeLines(t, file), ['h264 640x360']);
  await decodeStrict(t, readFileSync(file));
});

test('pull-on-demand.ts pulls while somebody watches', async (t) => {
  const origin = await startServer(t);
  publish(t, origin.url('rtmp', 'live/test'), 'h264-640x360');
  const { child, finished, lines } = example(t, 'pull-on-demand.ts', [origin.url('rtmp', '').slice(0, -1), '0', '0']);
  const url = await urlIn(lines, 'play ');
  const players = [1, 2].map(() => new HttpPlayer(t, url));
  await Promise.all(players.map((player) => player.body(100_000)));
  for (const player of players) player.leave();
  await lines.waitFor('the end of the pull', (line) => line === 'nobody watches test: RTMPPULL1 stopped');
  assert.equal(lines.all.filter((line) => line === `pulling ${origin.url('rtmp', 'live/test')}`).length, 1);
  child.kill('SIGTERM');
  assert.equal((await withPatience(finished, () => 'the example did not end')).code, 0);
});

test('a program with strict types is checked against those of the package, its dependencies’ included', async (t) => {
  symlinkSync(join(ROOT, 'node_modules/@types'), join(project, 'node_modules/@types'));
  const compilerOptions = {
    ...{ target: 'es2024', lib: ['es2025'], module: 'nodenext', types: ['node'], noEmit: true, strict: true },
    ...{ noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true, skipLibCheck: false },
  };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['examples', 'wrong.ts'] }));
  const wrong = [
    "import { createServer } from 'millrace';",
    '// @ts-expect-error a wrong type in the configuration',
    "createServer({ config: { rtmp: { enable: 'yes' } } });",
    '// @ts-expect-error admission that answers something else',
    "createServer({ config: {}, admission: { play: () => 'yes' } });",
  ];
  writeFileSync(join(project, 'wrong.ts'), wrong.join('\n'));
  const tsc = [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', project];
  const { code, stdout } = await run(t, process.execPath, tsc);
  assert.deepEqual([code, stdout.toString()], [0, '']);
});

test('an import does nothing to its process, nor does a server that could not start', async (t) => {
  const taken = await startServer(t);
  const config = {
    rtmp: { enable: true, addr: '127.0.0.1:0' },
    http_api: { enable: true, addr: `127.0.0.1:${taken.port('api')}` },
  };
  const program = `
    import { createServer } from 'millrace';
    const handlers = () => process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
    if (process.getActiveResourcesInfo().some((name) => name !== 'PipeWrap')) console.log('an import began something');
    const before = handlers();
    const server = createServer({ config: ${JSON.stringify(config)} });
    await server.start().catch((error) => console.log(error.message));
    if (handlers() !== before) console.log('a handler was set');
    await server.stop();
  `;
  writeFileSync(join(project, 'failing.js'), program);
  const ended = run(t, process.execPath, [join(project, 'failing.js')]);
  const { code, stdout, stderr } = await withPatience(ended, () => 'the program did not end by itself');
  assert.match(stdout.toString(), /^http_api\.addr: .*in use.*\n$/);
  assert.deepEqual([code, stderr], [0, '']);
});

test('two servers in one process: one pulls from the other, hooks get frames, events come in order', async (t) => {
  const config = { rtmp: { enable: true, addr: '127.0.0.1:0', gop_num: 1 } };
  const events: ServerEvent[] = [];
  const origin = createServer({ config });
  const edge = createServer({ config, onEvent: (event) => void events.push(event) });
  t.after(() => Promise.all([origin.stop(), edge.stop()]));
  await Promise.all([origin.start(), edge.start()]);
  const url = `rtmp://127.0.0.1:${origin.port('rtmp')}/live/cam`;
  publish(t, url, 'h264-640x360');
  const frames = new Arrivals<Frame>(({ kind, dts }) => `${kind} ${dts}`);
  const hooked = await edge.addHook('cam', { onFrame: (frame) => frames.add(frame) });
  assert.ok(hooked.ok);
  const pulled = edge.ctrl.startRelayPull({ url });
  assert.ok(pulled.ok);
  await frames.waitFor('a key frame', (frame) => frame.kind === 'video' && frame.key);
  await frames.waitFor('sound', ({ kind }) => kind === 'audio');
  assert.equal(edge.stats.group('cam')?.subs.length, 1);
  assert.equal(edge.ctrl.stopRelayPull('cam'), pulled.sessionId);
  hooked.hook.close();
  await edge.stop();
  assert.deepEqual(
    events.filter(({ streamName }) => streamName === 'cam').map(({ event }) => event),
    ['on_sub_start', 'on_relay_pull_start', 'on_relay_pull_stop', 'on_sub_stop'],
  );
});

test('a configuration that cannot be used is an error that names all that is wrong', () => {
  assert.throws(
    () => createServer({ config: JSON.parse('{"rtmp":{"enable":"yes","gop_num":-1}}') }),
    (error) =>
      error instanceof ConfigError && error.errors.length === 2 && /rtmp\.gop_num: found -1/.test(error.message),
  );
});
