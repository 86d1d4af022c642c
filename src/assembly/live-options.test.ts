/** Tests that each key which is said to be live changes something that a reload hands to a part, and that no other key does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { type Config, changesOf, checkConfig, describeKeys } from '../config/index.ts';
import { liveOptions } from './live-options.ts';

/** Whatever a key can be, one of these is it. */
const VALUES: readonly unknown[] = [
  ...[true, false, 0, 1, 2, 7, 77, 4097, 70_000],
  ...['replace', 'enhanced', 'http://127.0.0.1:1/other', '127.0.0.1:1', '[::1]:9999', 'text', '/other/'],
  ...[['127.0.0.1:1'], [`whsec_${Buffer.alloc(32).toString('base64')}`], { 'X-Other': 'text' }],
];

/** Parts that are off have no options that could change, so each is on in one of these. */
const BASES: readonly object[] = [
  {},
  {
    rtmp: {
      enable: true,
      addr: ':1935',
      rtmps_enable: true,
      rtmps_addr: ':4935',
      gop_num: 1,
      single_gop_max_frame_num: 1,
    },
    in_session: { add_dummy_audio_enable: true },
    httpflv: { enable: true, http_listen_addr: ':8080', enable_https: true, https_listen_addr: ':8443', gop_num: 1 },
    httpts: { enable: true, http_listen_addr: ':8081', enable_https: true, https_listen_addr: ':8444', gop_num: 1 },
    hls: { enable: true, http_listen_addr: ':8082', enable_https: true, https_listen_addr: ':8445' },
    rtsp: { enable: true, addr: ':5544', rtsps_enable: true, rtsps_addr: ':5322' },
    relay_push: { enable: true, addr_list: ['127.0.0.1:1936'] },
    static_relay_pull: { enable: true, addr: '127.0.0.1:1936' },
    http_api: { enable: true, addr: ':8083' },
    http_notify: { enable: true },
    millrace: { admission: { jwt: { publish: true, key: 'secret' } } },
  },
  {
    default_http: { http_listen_addr: ':8080', https_listen_addr: ':8443' },
    httpflv: { enable: true, enable_https: true, single_gop_max_frame_num: 1, gop_num: 1 },
  },
];

function configOf(file: object): Config {
  const checked = checkConfig(file);
  assert.ok(checked.ok, JSON.stringify(checked));
  return checked.config;
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => Reflect.get(Object(inner), key), value);
}

/** The file with one more value in it. */
function withValue(file: object, [key = '', ...rest]: readonly string[], value: unknown): object {
  const inner: unknown = Reflect.get(file, key);
  return { ...file, [key]: rest.length === 0 ? value : withValue(Object(inner), rest, value) };
}

/** Configurations that differ from the base in this key. */
function* others(base: object, path: readonly string[]): Generator<Config> {
  const before = valueAt(configOf(base), path);
  for (const value of VALUES) {
    const checked = checkConfig(withValue(base, path, value));
    if (checked.ok && !isDeepStrictEqual(valueAt(checked.config, path), before)) yield checked.config;
  }
}

const KEYS = describeKeys().filter(({ isSection }) => !isSection);

for (const { path, info } of KEYS) {
  test(`${path}: ${info.reload ?? 'restart'}`, () => {
    let isTried = false;
    const changed = BASES.some((base) => {
      const running = configOf(base);
      const options = liveOptions(running);
      for (const wanted of others(base, path.split('.'))) {
        isTried = true;
        const { config, applied, needsRestart } = changesOf(running, wanted);
        const named = [...applied, ...needsRestart];
        if (info.reload === 'no effect') assert.ok(!named.includes(path));
        else assert.ok((info.reload === undefined ? needsRestart : applied).includes(path), `${path} in ${named}`);
        if (!isDeepStrictEqual(liveOptions(config), options)) return true;
      }
      return false;
    });
    assert.ok(isTried, 'none of the values is another one');
    assert.equal(changed, info.reload !== undefined && info.reload !== 'no effect');
  });
}

test('what is the same is not named, and what needs a restart is named again by the next reload', () => {
  const running = configOf({ server_id: '1', log: { level: 1 } });
  assert.deepEqual(changesOf(running, running).applied, []);
  const wanted = configOf({ server_id: '2', log: { level: 3 } });
  const first = changesOf(running, wanted);
  assert.deepEqual([first.applied, first.needsRestart], [['log.level'], ['server_id']]);
  assert.deepEqual([first.config.server_id, first.config.log.level], ['1', 3]);
  const second = changesOf(first.config, wanted);
  assert.deepEqual([second.applied, second.needsRestart], [[], ['server_id']]);
  const back = changesOf(first.config, configOf({ server_id: '1', log: { level: 3 } }));
  assert.deepEqual([back.applied, back.needsRestart], [[], []]);
});
