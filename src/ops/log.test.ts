/** Tests of the log: levels, fields, the two kinds of lines, and that an exit loses nothing. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createLog, type LogOptions, type LogSurroundings } from './log.ts';

const DEFAULTS: LogOptions = {
  level: 1,
  filename: '',
  isToStdout: true,
  isRotateDaily: false,
  isRotateHourly: false,
  maxRotateDays: 0,
  hasTimestamp: true,
  hasTimestampMs: true,
  secretParams: [],
};
const NOW = Date.UTC(2026, 10, 24, 8, 37, 18, 855);

function surroundings(given: Partial<LogSurroundings> = {}): { given: Partial<LogSurroundings>; lines: string[] } {
  const lines: string[] = [];
  const stdout = { write: (line: string): void => void lines.push(line) };
  return { given: { unixMs: () => NOW, stdout, isTerminal: false, hasColors: false, ...given }, lines };
}

function tempFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-log-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'a.log');
}

test('a line is JSON: level, time, the fields in their order, the sentence', () => {
  const { given, lines } = surroundings();
  createLog(DEFAULTS, given).info({ sessionId: 'RTMPPUBSUB1', bytes: 3 }, 'The session ended');
  assert.deepEqual(lines, [
    '{"level":"info","time":"2026-11-24T08:37:18.855Z","sessionId":"RTMPPUBSUB1","bytes":3,"msg":"The session ended"}\n',
  ]);
});

test('the time is left out, or its milliseconds are', () => {
  const { given, lines } = surroundings();
  createLog({ ...DEFAULTS, hasTimestamp: false }, given).info({}, 'a');
  createLog({ ...DEFAULTS, hasTimestampMs: false }, given).info({}, 'b');
  assert.deepEqual(lines, [
    '{"level":"info","msg":"a"}\n',
    '{"level":"info","time":"2026-11-24T08:37:18Z","msg":"b"}\n',
  ]);
});

test('each level shows itself and what is above', () => {
  const shown = [0, 1, 2, 3, 4, 5, 6, 7].map((level) => {
    const { given, lines } = surroundings();
    const log = createLog({ ...DEFAULTS, level, hasTimestamp: false }, given);
    for (const name of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) log[name]({}, '');
    return lines.map((line) => (JSON.parse(line) as { level: string }).level.slice(0, 1)).join('');
  });
  assert.deepEqual(shown, ['tdiwef', 'diwef', 'iwef', 'wef', 'ef', 'f', 'f', '']);
});

test('errors are told with message and stack, what cannot be told does no harm', () => {
  const { given, lines } = surroundings();
  const log = createLog({ ...DEFAULTS, hasTimestamp: false }, given);
  log.error({ error: new TypeError('torn') }, 'a');
  log.error({ err: new Error('torn too') }, 'b');
  log.error({ error: 'EPIPE' }, 'c');
  const circle: { self?: object } = {};
  circle.self = circle;
  log.error({ circle, big: 1n, nothing: undefined }, 'd');
  const told = lines.map(
    (line) => JSON.parse(line) as Record<string, { type: string; message: string; stack: string }>,
  );
  assert.equal(told[0]?.['error']?.type, 'TypeError');
  assert.equal(told[0]?.['error']?.message, 'torn');
  assert.match(told[0]?.['error']?.stack ?? '', /log\.test\.ts/);
  assert.equal(told[1]?.['err']?.message, 'torn too');
  assert.equal(told[2]?.['error'], 'EPIPE');
  assert.equal(told.length, 4);
});

test('a line is one line, whatever the peer called its stream', () => {
  const { given, lines } = surroundings();
  createLog(DEFAULTS, given).info({ streamName: 'a\n{"level":"fatal"}\u001b[31m' }, 'x');
  assert.equal(lines.join('').split('\n').length, 2);
  assert.equal(lines.join('').includes('\u001b'), false);
});

test('secrets are hidden in every line', () => {
  const lines: string[] = [];
  const options = {
    ...{ level: 0, filename: '', isToStdout: true, isRotateDaily: false, isRotateHourly: false, maxRotateDays: 0 },
    ...{ hasTimestamp: false, hasTimestampMs: false, secretParams: ['ticket'] },
  };
  const stdout = { write: (line: string): void => void lines.push(line) };
  const log = createLog(options, { stdout, isTerminal: false });
  log.info({ error: new Error('no http://u:secret1@h/?token=secret2') }, 'see rtmp://h/a/b?ticket=secret3');
  log.child({ url: 'rtmp://h/a/b?pwd=secret4' }).warn({}, 'x');
  assert.equal(lines.length, 2);
  assert.doesNotMatch(lines.join(), /secret\d/);
});

test('a child adds its fields', () => {
  const { given, lines } = surroundings();
  createLog({ ...DEFAULTS, hasTimestamp: false }, given)
    .child({ sessionId: 'FLVSUB2' })
    .warn({ dropped: 5 }, 'slow');
  assert.deepEqual(lines, ['{"level":"warn","sessionId":"FLVSUB2","dropped":5,"msg":"slow"}\n']);
});

test('on a terminal a line is for reading, with escape sequences of a peer made harmless; the file stays JSON', (t) => {
  const filename = tempFile(t);
  const { given, lines } = surroundings({ isTerminal: true });
  const log = createLog({ ...DEFAULTS, filename }, given);
  log.info({ streamName: 'a\u001b[31m' }, 'The stream began');
  assert.match(
    lines.join(''),
    /^\[2026-11-2\d \d\d:\d\d:18\.855\] INFO: The stream began \{"streamName":"a\\u001b\[31m"\}\n$/,
  );
  assert.match(readFileSync(filename, 'utf8'), /^\{"level":"info",.*"msg":"The stream began"\}\n$/);
});

test('colours only where the terminal has them', () => {
  const { given, lines } = surroundings({ isTerminal: true, hasColors: true });
  createLog(DEFAULTS, given).info({}, 'x');
  assert.ok(lines.join('').includes('\u001b[32mINFO'), lines.join(''));
});

test('file without stdout; close flushes, later lines do no harm', async (t) => {
  const filename = tempFile(t);
  const { given, lines } = surroundings();
  const log = createLog({ ...DEFAULTS, filename, isToStdout: false }, given);
  log.info({}, 'x');
  await log.close();
  log.info({}, 'late');
  assert.deepEqual(lines, []);
  assert.equal(readFileSync(filename, 'utf8').split('\n').length, 2);
});

test('rotation is by day or by hour, the hour goes before', (t) => {
  const filename = tempFile(t);
  let now = new Date(2026, 10, 24, 23, 30).getTime();
  const { given } = surroundings({ unixMs: () => now });
  const log = createLog({ ...DEFAULTS, filename, isRotateDaily: true, isRotateHourly: true }, given);
  log.info({}, 'eleven');
  now += 3_600_000;
  log.info({}, 'twelve');
  assert.match(readFileSync(`${filename}.2026112423`, 'utf8'), /eleven/);
  assert.match(readFileSync(filename, 'utf8'), /^[^\n]*twelve[^\n]*\n$/);
});

test('a file that cannot be written is reported once, and stdout goes on', (t) => {
  const reports: string[] = [];
  const { given, lines } = surroundings({ reportFault: (sentence) => void reports.push(sentence) });
  const log = createLog({ ...DEFAULTS, filename: join(import.meta.filename, 'no', 'folder.log') }, given);
  t.after(() => log.close());
  log.info({}, 'a');
  log.info({}, 'b');
  assert.equal(lines.length, 2);
  assert.equal(reports.length, 1);
});

const SCRIPT = `
  import { createLog } from ${JSON.stringify(import.meta.resolve('./log.ts'))};
  const log = createLog(${JSON.stringify(DEFAULTS)});
  for (let i = 0; i < 2000; i++) log.info({ i, filler: 'x'.repeat(100) }, 'line');
  process.exit(3);`;

test('a sudden exit loses no line', () => {
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', SCRIPT], { encoding: 'utf8' });
  assert.equal(child.status, 3);
  assert.equal(child.stderr, '');
  assert.equal(child.stdout.trimEnd().split('\n').length, 2000);
});

test('a stdout that is full, or whose reader has gone, does no harm', () => {
  const run = (command: string): string =>
    execFileSync('bash', ['-o', 'pipefail', '-c', command, process.execPath, SCRIPT], { encoding: 'utf8' });
  const program = '"$0" --input-type=module -e "$1"';
  assert.match(
    run(`${program} 2>&1 >/dev/full || echo exit code $?`),
    /^millrace: the log could not be written to stdout: ENOSPC.*\nexit code 3\n$/,
  );
  assert.equal(run(`${program} 2>/dev/null | head -c 10 >/dev/null; echo exit code $?`), 'exit code 3\n');
});

test('another level and other secrets count for the lines from then on', () => {
  const { given, lines } = surroundings();
  const log = createLog({ ...DEFAULTS, level: 3, hasTimestamp: false }, given);
  log.info({}, 'not shown');
  log.update({ level: 1, secretParams: ['ticket'] });
  log.debug({ url: 'rtmp://h/a/b?ticket=abc' }, 'shown');
  log.update({ level: 7, secretParams: [] });
  log.fatal({}, 'not shown');
  assert.deepEqual(lines, ['{"level":"debug","url":"rtmp://h/a/b?ticket=***","msg":"shown"}\n']);
});
