/** The console's files as the API serves them. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { bench } from './api-bench.fixture.ts';

const PAGE = '<!doctype html><script type="module" src="./assets/index-abc.js"></script>';

/** A folder as a build makes it. */
function built(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-console-'));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), PAGE);
  writeFileSync(join(folder, 'assets/index-abc.js'), 'export {}');
  writeFileSync(join(folder, 'assets/index-abc.css'), 'b{}');
  writeFileSync(join(folder, 'assets/icon-abc.svg'), '<svg/>');
  writeFileSync(join(folder, '.built-from'), 'secret');
  return folder;
}

test('the page is at / and at the original’s path, and its files beside it', async (t) => {
  const { ask } = await bench(t, {}, {}, '', built(t));
  for (const path of ['/', '/lal.html', '/?x=1']) {
    const { status, headers, body } = await ask('GET', path);
    assert.deepEqual([status, headers['content-type'], body], [200, 'text/html; charset=utf-8', PAGE], path);
    assert.equal(headers['cache-control'], 'no-cache');
  }
  for (const [path, type] of [
    ['/assets/index-abc.js', 'text/javascript; charset=utf-8'],
    ['/assets/index-abc.css', 'text/css; charset=utf-8'],
    ['/assets/icon-abc.svg', 'image/svg+xml'],
  ] as const) {
    const { headers } = await ask('GET', path);
    assert.equal(headers['content-type'], type);
    assert.match(String(headers['cache-control']), /immutable/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
  }
  for (const path of [
    '/index.html',
    '/.built-from',
    '/assets/../.built-from',
    '/assets/%2e%2e/.built-from',
    '/assets',
  ]) {
    assert.match((await ask('GET', path)).body, /"error_code":404/, path);
  }
});

test('who has the file is answered 304, and HEAD has no body', async (t) => {
  const { ask } = await bench(t, {}, {}, '', built(t));
  const { headers } = await ask('GET', '/');
  const etag = String(headers.etag);
  assert.match(etag, /^"[\w-]{22}"$/);
  const again = await ask('GET', '/', undefined, { 'If-None-Match': etag });
  assert.deepEqual([again.status, again.body, again.headers.etag], [304, '', etag]);
  const head = await ask('HEAD', '/');
  assert.deepEqual([head.status, head.body, head.headers['content-length']], [200, '', String(PAGE.length)]);
});

test('the policy lets the page reach the host that it came from, and no other', async (t) => {
  const { ask } = await bench(t, {}, {}, '', built(t));
  for (const [host, media] of [
    ['cams.example:8083', 'http://cams.example:*'],
    ['192.0.2.7', 'http://192.0.2.7:*'],
    ['[2001:db8::1]:8083', 'http://*:*'],
    ["x'; script-src *", 'http://*:*'],
  ] as const) {
    const { headers } = await ask('GET', '/', undefined, { Host: host });
    const policy = String(headers['content-security-policy']);
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'; /);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.ok(policy.includes(`connect-src 'self' ${media} `), policy);
  }
});

test('the console needs no token, as it is what asks for it; the API does', async (t) => {
  const { ask } = await bench(t, {}, {}, 'sesame', built(t));
  for (const path of ['/', '/lal.html', '/assets/index-abc.js']) assert.equal((await ask('GET', path)).status, 200);
  for (const path of ['/api/server/info', '/api/stat/all_group', '/assets', '/nothing']) {
    assert.equal((await ask('GET', path)).status, 401, path);
  }
});

test('a console that is not built is a page that says how it is', async (t) => {
  const { ask } = await bench(t, {}, {}, '', join(built(t), 'nowhere'));
  const { status, headers, body } = await ask('GET', '/lal.html');
  assert.deepEqual([status, headers['content-type']], [200, 'text/html; charset=utf-8']);
  assert.match(body, /npm run build/);
});

test('server/info tells what the console must know', async (t) => {
  const { ask } = await bench(t);
  const { body } = await ask('GET', '/api/server/info');
  assert.deepEqual(JSON.parse(body), {
    error_code: 0,
    desp: 'succ',
    data: {
      listeners: [{ protocol: 'FLV', scheme: 'http', host: '', port: 8080, url_pattern: '/' }],
      features: { low_latency_hls: true, notify: true, publish_secret: false, play_secret: false },
      warnings: ['off, because the configuration does not name them: rtsp'],
    },
  });
});
