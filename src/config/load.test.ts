/** Tests of finding and reading the file, with the original's full file and the packaged one. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadConfig } from './load.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PACKAGED = join(ROOT, 'conf/millrace.conf.json');
const ORIGINAL = join(ROOT, 'test/fixtures/lalserver.conf.json');

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-config-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function load(cwd: string, file?: string) {
  const result = loadConfig(file === undefined ? { cwd } : { cwd, file });
  assert.ok(result.ok, JSON.stringify(result));
  return result;
}

test('without a name, the first of five places is read', (t) => {
  const parent = temporaryFolder(t);
  const cwd = join(parent, 'work');
  mkdirSync(join(parent, 'conf'), { recursive: true });
  mkdirSync(join(cwd, 'conf'), { recursive: true });
  assert.equal(load(cwd).file, PACKAGED);
  const places = [
    join(parent, 'conf/lalserver.conf.json'),
    join(parent, 'lalserver.conf.json'),
    join(cwd, 'conf/lalserver.conf.json'),
    join(cwd, 'lalserver.conf.json'),
  ];
  for (const place of places) {
    writeFileSync(place, `{"server_id": ${JSON.stringify(place)}}`);
    const { file, config } = load(cwd);
    assert.equal(file, place);
    assert.equal(config.server_id, place);
  }
});

test('a folder of that name is passed over', (t) => {
  const cwd = temporaryFolder(t);
  mkdirSync(join(cwd, 'lalserver.conf.json'));
  assert.notEqual(load(cwd).file, join(cwd, 'lalserver.conf.json'));
});

test('a named file is relative to the working folder, and may begin with a byte order mark', (t) => {
  const cwd = temporaryFolder(t);
  writeFileSync(join(cwd, 'a.json'), '\uFEFF{"server_id": "7"}');
  const { file, config } = load(cwd, 'a.json');
  assert.equal(file, join(cwd, 'a.json'));
  assert.equal(config.server_id, '7');
});

test('a file that cannot be read or is no JSON is one error that names it', (t) => {
  const cwd = temporaryFolder(t);
  const at = (name: string): string => join(cwd, name);
  writeFileSync(at('a.json'), '{\n  "rtmp": {\n  }\n  "hls": {}\n}');
  writeFileSync(at('b.json'), '[]');
  const cases: readonly [string, string][] = [
    ['missing.json', `${at('missing.json')} cannot be read: there is no such file`],
    ['a.json/x', `${at('a.json/x')} cannot be read: there is no such file`],
    ['.', `${cwd} cannot be read: it is a folder`],
    ['a.json', `${at('a.json')}: line 4, column 3: found "\\"", allowed: "," or "}"`],
    ['b.json', 'the configuration: found a list, allowed: an object'],
  ];
  for (const [file, error] of cases) {
    assert.deepEqual(loadConfig({ cwd, file }), { ok: false, file: join(cwd, file), errors: [error] });
  }
});

test('a full file of the original is read unchanged', () => {
  const { config, warnings } = load(ROOT, ORIGINAL);
  assert.deepEqual(warnings, []);
  assert.equal(config.conf_version, 'v0.4.1');
  assert.equal(config.http_notify.on_update, null);
  assert.equal(config.http_notify.on_hls_make_ts, null);
  assert.equal(config.http_notify.on_pub_start, 'http://127.0.0.1:10101/on_pub_start');
  assert.equal(config.rtsp.ws_rtsp_addr?.port, 5566);
  assert.equal(config.record.mpegts_out_path, './lal_record/mpegts');
  // every key of the file has arrived: what is not an address has the file's own value
  const file: Record<string, unknown> = JSON.parse(readFileSync(ORIGINAL, 'utf8'));
  for (const [section, value] of Object.entries(file)) {
    if (typeof value !== 'object' || value === null) continue;
    const read: object = config[section as keyof typeof config] as object;
    for (const [key, written] of Object.entries(value)) {
      const got: unknown = Reflect.get(read, key);
      const plain = typeof got === 'object' && got !== null && 'text' in got ? got.text : got;
      assert.deepEqual(plain ?? '', written ?? '', `${section}.${key}`);
    }
  }
});

test('the packaged file has the values of the specification and gives no warning', () => {
  const { config, warnings } = load(ROOT, PACKAGED);
  assert.deepEqual(warnings, []);
  const { rtmp, default_http: http, httpflv, httpts, hls, rtsp, record, http_api: api, simple_auth: auth } = config;
  assert.deepEqual(
    [rtmp.addr, rtmp.rtmps_addr, http.http_listen_addr, http.https_listen_addr, rtsp.addr, rtsp.rtsps_addr].map(
      (address) => address?.text,
    ),
    [':1935', ':4935', ':8080', ':4433', ':5544', ':5322'],
  );
  assert.deepEqual([rtsp.ws_rtsp_addr?.text, api.addr?.text, config.pprof.addr?.text], [':5566', ':8083', ':8084']);
  for (const { enable } of [rtmp, httpflv, httpts, hls, rtsp, api]) assert.equal(enable, true);
  for (const { enable } of [config.http_notify, config.relay_push, config.static_relay_pull, config.pprof]) {
    assert.equal(enable, false);
  }
  for (const { enable_https, url_pattern, gop_num, single_gop_max_frame_num } of [httpflv, httpts]) {
    assert.deepEqual([enable_https, url_pattern, gop_num, single_gop_max_frame_num], [false, '/', 0, 0]);
  }
  assert.deepEqual([rtmp.gop_num, rtmp.single_gop_max_frame_num, rtmp.merge_write_size], [0, 0, 0]);
  assert.deepEqual(config.in_session, { add_dummy_audio_enable: false, add_dummy_audio_wait_audio_ms: 150 });
  assert.deepEqual(
    { ...hls, http_listen_addr: null, https_listen_addr: null },
    {
      enable: true,
      enable_https: false,
      url_pattern: '/hls/',
      out_path: './lal_record/hls/',
      fragment_duration_ms: 3000,
      fragment_num: 6,
      delete_threshold: 6,
      cleanup_mode: 1,
      use_memory_as_disk_flag: false,
      sub_session_timeout_ms: 30_000,
      sub_session_hash_key: '',
      http_listen_addr: null,
      https_listen_addr: null,
      https_cert_file: '',
      https_key_file: '',
    },
  );
  assert.deepEqual(
    [rtsp.out_wait_key_frame_flag, rtsp.auth_enable, rtsp.auth_method, rtsp.username, rtsp.password],
    [true, false, 1, '', ''],
  );
  assert.deepEqual(record, {
    enable_flv: false,
    flv_out_path: './lal_record/flv/',
    enable_mpegts: false,
    mpegts_out_path: './lal_record/mpegts/',
  });
  assert.equal(config.server_id, '1');
  assert.equal(config.http_notify.update_interval_sec, 5);
  assert.ok(Object.values(auth).every((value) => value === '' || value === false));
  assert.deepEqual(config.debug, {
    log_group_interval_sec: 30,
    log_group_max_group_num: 10,
    log_group_max_sub_num_per_group: 10,
  });
  assert.equal(config.log.level, 1);
});
