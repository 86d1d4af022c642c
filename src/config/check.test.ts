/** Tests of the check: defaults, every kind of error word for word, warnings, and that nothing makes it throw. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { config, errors, offLine, warnings } from './check.fixture.ts';
import { checkConfig } from './check.ts';
import { describeKeys } from './describe.ts';

test('what is missing is off, empty or 0', () => {
  const empty = config({});
  assert.equal(empty.server_id, '');
  assert.deepEqual(empty.rtmp, {
    enable: false,
    addr: null,
    rtmps_enable: false,
    rtmps_addr: null,
    rtmps_cert_file: '',
    rtmps_key_file: '',
    gop_num: 0,
    single_gop_max_frame_num: 0,
    merge_write_size: 0,
  });
  assert.deepEqual(empty.relay_push, { enable: false, addr_list: [] });
  assert.equal(empty.http_notify.update_interval_sec, 0);
  assert.equal(empty.http_notify.on_pub_start, null);
  assert.equal(empty.debug.log_group_interval_sec, 0);
  assert.deepEqual(config({ rtmp: {} }), empty);
});

test('these have real defaults', () => {
  const empty = config({});
  assert.deepEqual(empty.log, {
    level: 1,
    filename: './logs/lalserver.log',
    is_to_stdout: true,
    is_rotate_daily: true,
    is_rotate_hourly: false,
    max_rotate_days: 0,
    short_file_flag: true,
    timestamp_flag: true,
    timestamp_with_ms_flag: true,
    level_flag: true,
    assert_behavior: 1,
  });
  assert.equal(empty.httpflv.url_pattern, '/live/');
  assert.equal(empty.httpts.url_pattern, '/live/');
  assert.equal(empty.hls.url_pattern, '/hls/');
  assert.equal(empty.hls.cleanup_mode, 1);
  assert.deepEqual(empty.millrace, {
    threads: 1,
    fanout: { gather_ms: 45 },
    flv: { hevc: 'codec-id-12' },
    notify: {
      outbox_path: './millrace_data/outbox.db',
      concurrency: 64,
      timeout_ms: 5000,
      max_age_hours: 72,
      retention_hours: 72,
      signing_secrets: [],
      headers: {},
      on_record_start: null,
      on_record_stop: null,
    },
    limits: {
      handshake_timeout_ms: 10_000,
      max_connections_per_address: 0,
      max_requests_per_sec_per_address: 5000,
      max_api_connections: 256,
      min_read_bytes_per_sec: 1000,
      max_groups: 10_000,
      max_subscribers_per_group: 0,
      max_udp_sockets_per_address: 1024,
      max_gb28181_ports: 1000,
      idle_timeout_ms: 10_000,
      max_message_bytes: 16_777_216,
      subscriber_backlog_bytes: 8_388_608,
      subscriber_backlog_ms: 10_000,
    },
    hls: { low_latency: true, part_duration_ms: 200 },
    publish: { takeover: 'refuse', grace_ms: 0 },
    record: {
      enable_mp4: false,
      mp4_out_path: './lal_record/mp4/',
      split_duration_sec: 0,
      split_bytes: 0,
      retention_hours: 0,
    },
    relay: { verify_tls: true },
    outbound: { allow: [] },
    admission: {
      on_publish: null,
      on_play: null,
      timeout_ms: 5000,
      fail_open: false,
      jwt: { publish: false, play: false, key: '', jwks_file: '', param: 'token', issuer: '', audience: '' },
    },
    api: { token: '' },
  });
});

test('HLS derives its threshold and its time-out from other keys', () => {
  const derived = config({ hls: { fragment_num: 6, fragment_duration_ms: 3000 } }).hls;
  assert.equal(derived.delete_threshold, 6);
  assert.equal(derived.sub_session_timeout_ms, 36_000);
  const given = config({ hls: { fragment_num: 6, delete_threshold: 0, sub_session_timeout_ms: 0 } }).hls;
  assert.equal(given.delete_threshold, 0);
  assert.equal(given.sub_session_timeout_ms, 0);
});

test('an empty pattern is a missing one', () => {
  assert.equal(config({ httpflv: { url_pattern: '' } }).httpflv.url_pattern, '/live/');
});

test('every key names what is allowed where it has another type', () => {
  for (const { path, info } of describeKeys()) {
    const value = path
      .split('.')
      .reduceRight<unknown>((inner, key) => ({ [key]: inner }), info.allowed.startsWith('an object') ? [] : {});
    const found = info.allowed.startsWith('an object') ? 'a list' : 'an object';
    assert.deepEqual(errors(value), [`${path}: found ${found}, allowed: ${info.allowed}`]);
  }
});

const ERRORS: readonly [value: unknown, errors: string[]][] = [
  [[], ['the configuration: found a list, allowed: an object']],
  [null, ['the configuration: found null, allowed: an object']],
  [7, ['the configuration: found 7 (number), allowed: an object']],
  [{ rtmp: true }, ['rtmp: found true (boolean), allowed: an object']],
  [{ hls: null }, ['hls: found null, allowed: an object']],
  [{ rtmp: { enable: 'yes' } }, ['rtmp.enable: found "yes" (string), allowed: true or false']],
  [{ rtmp: { addr: 1935 } }, ['rtmp.addr: found 1935 (number), allowed: a string HOST:PORT or :PORT']],
  [{ rtmp: { addr: '1935' } }, ['rtmp.addr: found "1935" (string), allowed: a string HOST:PORT or :PORT']],
  [{ rtmp: { addr: null } }, ['rtmp.addr: found null, allowed: a string HOST:PORT or :PORT']],
  [{ rtmp: { gop_num: -1 } }, ['rtmp.gop_num: found -1 (number), allowed: an integer of 0 or more']],
  [{ rtmp: { gop_num: 1.5 } }, ['rtmp.gop_num: found 1.5 (number), allowed: an integer of 0 or more']],
  [{ rtmp: { gop_num: 1e300 } }, ['rtmp.gop_num: found 1e+300 (number), allowed: an integer of 0 or more']],
  [{ hls: { cleanup_mode: 3 } }, ['hls.cleanup_mode: found 3 (number), allowed: an integer from 0 to 2']],
  [{ httpflv: { url_pattern: '/a b/' } }, ['httpflv.url_pattern: found "/a b/" (string), allowed: a string /PATH/']],
  [
    { server_id: 'x'.repeat(100), log: { filename: false } },
    ['log.filename: found false (boolean), allowed: a string'],
  ],
  [
    { http_notify: { on_update: 'x'.repeat(100) } },
    [`http_notify.on_update: found "${'x'.repeat(80)}…" (string), allowed: a string http://… or https://…, "" or null`],
  ],
  [
    { relay_push: { addr_list: ['a:1935', 'rtmp://b', 3] } },
    [
      'relay_push.addr_list[1]: found "rtmp://b" (string), allowed: a string HOST:PORT',
      'relay_push.addr_list[2]: found 3 (number), allowed: a string HOST:PORT',
    ],
  ],
  [
    { static_relay_pull: { addr: 'rtmp://b/live' } },
    ['static_relay_pull.addr: found "rtmp://b/live" (string), allowed: a string HOST:PORT'],
  ],
  [{ simple_auth: { key: 5 } }, ['simple_auth.key: found a number that is not shown, allowed: a string']],
  [
    { millrace: { notify: { signing_secrets: ['whsec_c2hvcnQ='] } } },
    [
      'millrace.notify.signing_secrets[0]: found a string that is not shown, allowed: a string whsec_BASE64 of 24 to 64 bytes',
    ],
  ],
  [
    { millrace: { notify: { headers: { 'X-Ok': 'a', 'content-length': '1', 'X-Bad': 'a\r\nb' } } } },
    ['content-length', 'X-Bad'].map(
      (name) =>
        `millrace.notify.headers.${name}: found a string that is not shown, allowed: a header's name and a string without control characters, but not Host, Connection, Content-*, Transfer-Encoding, Webhook-*, Millrace-*, which the server sets`,
    ),
  ],
  [
    { rtmp: { enable: true } },
    ['rtmp.addr: found nothing, allowed: a string HOST:PORT or :PORT, since rtmp.enable is true'],
  ],
  [
    { httpts: { enable: true } },
    [
      'httpts.http_listen_addr: found nothing (default_http.http_listen_addr has none either), allowed: a string HOST:PORT or :PORT, since httpts.enable is true',
    ],
  ],
  [
    { rtmp: { enable: true, addr: ':1935' }, http_api: { enable: true, addr: '127.0.0.1:1935' } },
    [
      'http_api.addr: found "127.0.0.1:1935" (string), allowed: a port that is not taken, but rtmp.addr is ":1935" (string)',
    ],
  ],
  [
    {
      rtmp: { enable: true, addr: ':8080' },
      default_http: { http_listen_addr: ':8080' },
      httpflv: { enable: true },
      httpts: { enable: true },
    },
    [
      'default_http.http_listen_addr: found ":8080" (string), allowed: a port that is not taken, but rtmp.addr is ":8080" (string)',
    ],
  ],
];

test('each error names the path, what was found and what is allowed', () => {
  for (const [value, expected] of ERRORS) assert.deepEqual(errors(value), expected);
});

test('all errors come at once, also those between keys, and none of them because of another', () => {
  assert.deepEqual(
    errors({
      rtmp: { enable: true, addr: 1935, gop_num: '1' },
      default_http: { http_listen_addr: 8080 },
      httpflv: { enable: true },
      rtsp: { enable: true, addr: ':8083' },
      http_api: { enable: true, addr: ':8083' },
    }),
    [
      'rtmp.addr: found 1935 (number), allowed: a string HOST:PORT or :PORT',
      'rtmp.gop_num: found "1" (string), allowed: an integer of 0 or more',
      'default_http.http_listen_addr: found 8080 (number), allowed: a string HOST:PORT or :PORT',
      'http_api.addr: found ":8083" (string), allowed: a port that is not taken, but rtsp.addr is ":8083" (string)',
    ],
  );
});

test('listeners that are off, on port 0, or of HTTP sections with one address do not collide', () => {
  config({
    rtmp: { enable: true, addr: ':0' },
    http_api: { enable: true, addr: ':0' },
    default_http: { http_listen_addr: ':8080' },
    httpflv: { enable: true },
    httpts: { enable: true, http_listen_addr: ':8080' },
    rtsp: { enable: false, addr: ':8080' },
  });
});

test('an unknown key is a warning that names the nearest known one', () => {
  assert.deepEqual(
    warnings({
      rtmp: { enabel: true, add_dummy_audio_enable: true },
      rmtp: { addr: ':1' },
      millrace: { limits: { idle_timeout: 1 }, notfy: {} },
      [`z${'y'.repeat(100)}`]: 1,
    }),
    [
      'rtmp.enabel: unknown key, ignored; the nearest known one is rtmp.enable',
      'rtmp.add_dummy_audio_enable: unknown key, ignored; the nearest known one is in_session.add_dummy_audio_enable',
      'rmtp: unknown key, ignored; the nearest known one is rtmp',
      'millrace.limits.idle_timeout: unknown key, ignored; the nearest known one is millrace.limits.idle_timeout_ms',
      'millrace.notfy: unknown key, ignored; the nearest known one is millrace.notify',
      warnings({ [`z${'y'.repeat(100)}`]: 1 })[0] ?? '',
    ],
  );
  assert.match(
    warnings({ [`z${'y'.repeat(100)}`]: 1 })[0] ?? '',
    /^zy{59}…: unknown key, ignored; the nearest known one is [a-z_.0-9]+$/,
  );
});

test('of very many unknown keys the first are named, and how many more there are', () => {
  const found = warnings(Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`unknown ${i}`, 1])));
  assert.equal(found.length, 101);
  assert.match(found[99] ?? '', /^unknown 99: unknown key/);
  assert.equal(found[100], '2900 more unknown keys, ignored');
});

test('secrets in URLs that cannot be used are not shown', () => {
  assert.deepEqual(errors({ http_notify: { on_pub_start: 'htp://me:pass1@h/x?token=pass2&y=1' } }), [
    'http_notify.on_pub_start: found "htp://me:***@h/x?token=***&y=1" (string), allowed: a string http://… or https://…, "" or null',
  ]);
});

test('keys that begin with # are comments at every level', () => {
  const commented = {
    '#': 1,
    '# rtmp': [],
    rtmp: { '#enable': 'x' },
    millrace: { '#': null, notify: { '# a': {}, headers: { '# b': 5, 'X-A': 'c' } } },
  };
  assert.deepEqual(warnings(commented), []);
  assert.deepEqual(config(commented).millrace.notify.headers, { 'X-A': 'c' });
  assert.deepEqual(config(commented).rtmp, config({}).rtmp);
});

test('one line lists what is off because the file does not name it', () => {
  assert.deepEqual(offLine({}), [
    'off, because the configuration does not name them: rtmp, in_session, httpflv, httpts, hls, rtsp, record, relay_push, static_relay_pull, http_api, http_notify, simple_auth, pprof, debug',
  ]);
  const named = Object.fromEntries(
    ['in_session', 'httpts', 'hls', 'rtsp', 'record', 'relay_push', 'static_relay_pull', 'pprof'].map((name) => [
      name,
      { enable: false },
    ]),
  );
  assert.deepEqual(
    offLine({
      ...named,
      rtmp: { enable: true, addr: ':1935', gop_num: 0 },
      httpflv: { enable: false, enable_https: false },
      http_api: { enable: false },
      http_notify: { enable: false },
      debug: { log_group_interval_sec: 0 },
      simple_auth: {},
    }),
    [
      'off, because the configuration does not name them: rtmp.rtmps_enable, rtmp.single_gop_max_frame_num, rtmp.merge_write_size, in_session.add_dummy_audio_enable, httpts.enable_https, hls.enable_https, rtsp.rtsps_enable, rtsp.ws_rtsp_enable, record.enable_flv, record.enable_mpegts, simple_auth.pub_rtmp_enable, simple_auth.sub_rtmp_enable, simple_auth.sub_httpflv_enable, simple_auth.sub_httpts_enable, simple_auth.pub_rtsp_enable, simple_auth.sub_rtsp_enable, simple_auth.hls_m3u8_enable',
    ],
  );
});

test('what will not work as it stands is a warning', () => {
  assert.deepEqual(
    warnings({
      conf_version: 'v0.3.3',
      rtmp: { enable: true, addr: ':1935', rtmps_enable: true, rtmps_addr: ':1935' },
      rtsp: { ws_rtsp_enable: true },
      httpflv: { enable_https: true, https_listen_addr: ':443', https_cert_file: 'c', url_pattern: 'live' },
      simple_auth: { sub_rtmp_enable: true },
      pprof: { enable: true, addr: ':443' },
    }),
    [
      'conf_version: found "v0.3.3" (string), read as v0.4.1',
      'httpflv.url_pattern: found "live" (string), read as "/live/"',
      'rtsp.ws_rtsp_addr: found nothing, allowed: a string HOST:PORT or :PORT, since rtsp.ws_rtsp_enable is true; this listener will not start',
      'rtmp.rtmps_cert_file: found nothing, allowed: a PEM file; rtmp.rtmps_addr will not start',
      'rtmp.rtmps_key_file: found nothing, allowed: a PEM file; rtmp.rtmps_addr will not start',
      'httpflv.https_key_file: found nothing, allowed: a PEM file; httpflv.https_listen_addr will not start',
      'rtmp.rtmps_addr: found ":1935" (string), allowed: a port that is not taken, but rtmp.addr is ":1935" (string); this listener will not start',
      'pprof.addr: found ":443" (string), allowed: a port that is not taken, but httpflv.https_listen_addr is ":443" (string); this listener will not start',
      'simple_auth.key: found nothing while simple_auth.sub_rtmp_enable is true; anybody can compute a lal_secret',
    ],
  );
});

test('players of RTSP that are not to wait for a key frame do, and that is said', () => {
  const of = (rtsp: object) => warnings({ rtsp: { addr: ':5544', ...rtsp } });
  assert.deepEqual(of({ enable: true, out_wait_key_frame_flag: false }), [
    'rtsp.out_wait_key_frame_flag: found false (boolean), has no effect: players begin at a key frame',
  ]);
  assert.deepEqual(of({ enable: true, out_wait_key_frame_flag: true }), []);
  assert.deepEqual([...of({ enable: true }), ...of({ enable: false, out_wait_key_frame_flag: false })], []);
});

/** JSON that has the schema's names and anything under them. */
const nearlyConfig = fc.dictionary(
  fc.constantFrom(...describeKeys().map(({ path }) => path), 'x', '__proto__', 'constructor'),
  fc.oneof(fc.jsonValue(), fc.constantFrom(true, ':1935', ':0', '', 5, null, ['a'], { '#': 1, __proto__: 'x' })),
);

function nest(flat: Readonly<Record<string, unknown>>): unknown {
  // through text, so that `__proto__` is a key as it is in a file
  const root = new Map<string, unknown>();
  for (const [path, value] of Object.entries(flat)) {
    const parts = path.split('.');
    let map = root;
    for (const part of parts.slice(0, -1)) {
      const inner = map.get(part);
      const next = inner instanceof Map ? inner : new Map<string, unknown>();
      map.set(part, next);
      map = next;
    }
    map.set(parts.at(-1) ?? '', value);
  }
  const text = (value: unknown): string =>
    value instanceof Map
      ? `{${Array.from(value, ([key, inner]) => `${JSON.stringify(key)}:${text(inner)}`).join()}}`
      : JSON.stringify(value);
  return JSON.parse(text(root));
}

test('no value of JSON makes it throw, and what it refuses it names', () => {
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), nearlyConfig.map(nest)), (value) => {
      const result = checkConfig(value);
      if (result.ok) return;
      assert.ok(result.errors.length > 0);
      for (const error of result.errors) assert.match(error, /: found [\s\S]+, allowed: /);
    }),
    { numRuns: 500 },
  );
});

test('no depth of nesting makes it throw', () => {
  const depth = 50_000;
  const deep: unknown = JSON.parse(`${'{"rtmp":'.repeat(depth)}1${'}'.repeat(depth)}`);
  assert.deepEqual(warnings(deep), ['rtmp.rtmp: unknown key, ignored; the nearest known one is rtmp.addr']);
  assert.deepEqual(errors({ rtmp: { addr: deep } }), [
    'rtmp.addr: found an object, allowed: a string HOST:PORT or :PORT',
  ]);
});
