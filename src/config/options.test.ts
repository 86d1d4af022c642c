/** Tests of the mapping from the file's keys onto each part's options. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callbackOptions, jwtOptions, simpleAuthOptions } from './access-options.ts';
import { checkConfig } from './check.ts';
import {
  apiOptions,
  fanoutOptions,
  hlsOptions,
  httpFlvOptions,
  httpTsOptions,
  limits,
  logOptions,
  notifyOptions,
  rtmpOptions,
  rtspOptions,
} from './options.ts';

function config(value: unknown) {
  const result = checkConfig(value);
  assert.ok(result.ok, JSON.stringify(result));
  return result.config;
}

test('RTMP: both listeners with their keys, and either without the other', () => {
  assert.deepEqual(
    rtmpOptions(
      config({
        rtmp: {
          enable: true,
          addr: '127.0.0.1:0',
          rtmps_enable: true,
          rtmps_addr: ':4935',
          rtmps_cert_file: 'c.pem',
          rtmps_key_file: 'k.pem',
          gop_num: 2,
          single_gop_max_frame_num: 300,
          merge_write_size: 8192,
        },
      }),
    ),
    {
      enabled: true,
      plain: { key: 'rtmp.addr', addr: { host: '127.0.0.1', port: 0 } },
      tls: { key: 'rtmp.rtmps_addr', addr: { port: 4935 }, certFile: 'c.pem', keyFile: 'k.pem' },
      gopNum: 2,
      singleGopMaxFrameNum: 300,
      mergeWriteSize: 8192,
    },
  );
  const tlsOnly = rtmpOptions(config({ rtmp: { addr: ':1935', rtmps_enable: true, rtmps_addr: ':4935' } }));
  assert.equal(tlsOnly.plain, null);
  assert.equal(tlsOnly.enabled, true);
  assert.equal(tlsOnly.tls?.addr.port, 4935);
  assert.deepEqual([rtmpOptions(config({})).enabled, rtmpOptions(config({})).tls], [false, null]);
});

test('HTTP-FLV and HTTP-TS inherit from default_http, key by key, what they leave empty', () => {
  const both = config({
    default_http: {
      http_listen_addr: ':8080',
      https_listen_addr: ':4433',
      https_cert_file: 'c.pem',
      https_key_file: 'k.pem',
    },
    httpflv: { enable: true, enable_https: true, url_pattern: '/', gop_num: 1 },
    httpts: {
      enable: true,
      enable_https: true,
      http_listen_addr: '[::1]:8081',
      https_cert_file: 'own.pem',
      single_gop_max_frame_num: 9,
    },
  });
  const inheritedTls = { key: 'default_http.https_listen_addr', addr: { port: 4433 }, keyFile: 'k.pem' };
  assert.deepEqual(httpFlvOptions(both), {
    enabled: true,
    plain: { key: 'default_http.http_listen_addr', addr: { port: 8080 } },
    tls: { ...inheritedTls, certFile: 'c.pem' },
    urlPattern: '/',
    gopNum: 1,
    singleGopMaxFrameNum: 0,
  });
  assert.deepEqual(httpTsOptions(both), {
    enabled: true,
    plain: { key: 'httpts.http_listen_addr', addr: { host: '::1', port: 8081 } },
    tls: { ...inheritedTls, certFile: 'own.pem' },
    urlPattern: '/live/',
    gopNum: 0,
    singleGopMaxFrameNum: 9,
  });
  assert.equal(httpTsOptions(config({ default_http: { http_listen_addr: ':8080' } })).enabled, false);
});

test('a TLS listener without an address is left out', () => {
  assert.equal(httpFlvOptions(config({ httpflv: { enable_https: true } })).tls, null);
});

test('the API', () => {
  assert.deepEqual(apiOptions(config({ server_id: '7', http_api: { enable: true, addr: ':8083' } })), {
    serverId: '7',
    enabled: true,
    plain: { key: 'http_api.addr', addr: { port: 8083 } },
    token: '',
  });
  const off = { serverId: '', enabled: false, plain: null, token: 'secret' };
  assert.deepEqual(apiOptions(config({ http_api: { addr: ':8083' }, millrace: { api: { token: 'secret' } } })), off);
});

test('HTTP Notify: each event has its own URL, null and empty are nowhere', () => {
  const events = [
    'on_server_start',
    'on_update',
    'on_pub_start',
    'on_pub_stop',
    'on_sub_start',
    'on_sub_stop',
    'on_relay_pull_start',
    'on_relay_pull_stop',
    'on_rtmp_connect',
    'on_hls_make_ts',
  ];
  const urls = Object.fromEntries(events.map((event) => [event, `http://127.0.0.1:1/${event}`]));
  const secret = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
  const notify = notifyOptions(
    config({
      server_id: '7',
      http_notify: { enable: true, update_interval_sec: 5, ...urls, on_update: null, on_sub_stop: '' },
      millrace: {
        notify: {
          outbox_path: 'o.db',
          concurrency: 1,
          timeout_ms: 2,
          max_age_hours: 3,
          retention_hours: 4,
          signing_secrets: [secret],
          headers: { Authorization: 'Bearer x' },
        },
      },
    }),
  );
  assert.deepEqual(notify, {
    enabled: true,
    serverId: '7',
    updateIntervalSec: 5,
    urls: { ...urls, on_update: null, on_sub_stop: null, on_record_start: null, on_record_stop: null },
    outboxPath: 'o.db',
    concurrency: 1,
    timeoutMs: 2,
    maxAgeHours: 3,
    retentionHours: 4,
    signingSecrets: [secret],
    headers: { Authorization: 'Bearer x' },
  });
});

test('HLS: what is given, what follows from other keys, and zeros that mean nothing', () => {
  const given = hlsOptions(
    config({
      hls: {
        enable: true,
        http_listen_addr: ':1',
        url_pattern: 'h',
        out_path: './o/',
        fragment_duration_ms: 3000,
        fragment_num: 6,
        cleanup_mode: 2,
        use_memory_as_disk_flag: true,
        sub_session_hash_key: 'k',
      },
      httpts: { url_pattern: '/h/' },
      millrace: { hls: { part_duration_ms: 300 } },
    }),
  );
  assert.deepEqual(given, {
    enabled: true,
    plain: { key: 'hls.http_listen_addr', addr: { port: 1 } },
    tls: null,
    urlPattern: '/h/',
    isPatternShared: true,
    outPath: './o/',
    fragmentDurationMs: 3000,
    fragmentNum: 6,
    deleteThreshold: 6,
    cleanup: 'segments',
    inMemory: true,
    partDurationMs: 300,
    sessionTimeoutMs: 36_000,
    sessionKey: 'k',
  });
  const zeros = hlsOptions(config({ hls: { cleanup_mode: 0 }, millrace: { hls: { low_latency: false } } }));
  const { enabled, outPath, fragmentDurationMs, fragmentNum, cleanup, partDurationMs, sessionTimeoutMs } = zeros;
  assert.deepEqual(
    [enabled, outPath, fragmentDurationMs, fragmentNum, cleanup, partDurationMs, sessionTimeoutMs],
    [false, '.', 1000, 1, 'never', null, 1000],
  );
});

test('RTSP: listeners, the one over WebSocket, and whom it asks for a password', () => {
  const { plain, tls, webSocket, auth } = rtspOptions(
    config({
      rtsp: {
        enable: true,
        addr: '127.0.0.1:5544',
        rtsps_enable: true,
        rtsps_addr: ':5322',
        rtsps_cert_file: 'c.pem',
        rtsps_key_file: 'k.pem',
        ws_rtsp_enable: true,
        ws_rtsp_addr: ':5566',
        auth_enable: true,
        auth_method: 1,
        username: 'u',
        password: 'p',
      },
    }),
  );
  assert.deepEqual(plain, { key: 'rtsp.addr', addr: { host: '127.0.0.1', port: 5544 } });
  assert.deepEqual(tls, { key: 'rtsp.rtsps_addr', addr: { port: 5322 }, certFile: 'c.pem', keyFile: 'k.pem' });
  assert.deepEqual(webSocket, { key: 'rtsp.ws_rtsp_addr', addr: { port: 5566 } });
  const asked = { isAskedOfPlayers: true, isAskedOfPublishers: false, method: 'digest', username: 'u', password: 'p' };
  assert.deepEqual(auth, asked);
  const off = rtspOptions(config({ rtsp: { pub_auth_enable: true } }));
  assert.deepEqual([off.plain, off.tls, off.webSocket], [null, null, null]);
  assert.deepEqual([off.auth.isAskedOfPublishers, off.auth.method], [true, 'basic']);
});

test('simple authentication: each switch is its own', () => {
  const names = {
    pub_rtmp_enable: 'pubRtmpEnable',
    sub_rtmp_enable: 'subRtmpEnable',
    sub_httpflv_enable: 'subHttpflvEnable',
    sub_httpts_enable: 'subHttptsEnable',
    pub_rtsp_enable: 'pubRtspEnable',
    sub_rtsp_enable: 'subRtspEnable',
    hls_m3u8_enable: 'hlsM3u8Enable',
  };
  const off = Object.fromEntries(Object.values(names).map((name) => [name, false]));
  for (const [key, name] of Object.entries(names)) {
    const options = simpleAuthOptions(config({ simple_auth: { key: 'k', dangerous_lal_secret: 'd', [key]: true } }));
    assert.deepEqual(options, { key: 'k', dangerousLalSecret: 'd', ...off, [name]: true });
  }
});

test('the log, the fan-out and the limits', () => {
  const all = config({
    log: {
      level: 2,
      filename: '',
      is_to_stdout: false,
      is_rotate_daily: false,
      is_rotate_hourly: true,
      max_rotate_days: 7,
    },
    millrace: {
      fanout: { gather_ms: 0 },
      limits: {
        handshake_timeout_ms: 1,
        idle_timeout_ms: 2,
        max_message_bytes: 4096,
        subscriber_backlog_bytes: 65_536,
        subscriber_backlog_ms: 100,
      },
    },
  });
  assert.deepEqual(logOptions(all), {
    level: 2,
    filename: '',
    isToStdout: false,
    isRotateDaily: false,
    isRotateHourly: true,
    maxRotateDays: 7,
    hasTimestamp: true,
    hasTimestampMs: true,
    secretParams: ['token'],
  });
  assert.deepEqual(fanoutOptions(all), { gatherMs: 0, backlogBytes: 65_536, backlogMs: 100 });
  assert.deepEqual(limits(all), { handshakeTimeoutMs: 1, idleTimeoutMs: 2, maxMessageBytes: 4096 });
});

test('admission by callbacks and tokens', () => {
  assert.equal(jwtOptions(config({})), null);
  assert.deepEqual(callbackOptions(config({})), { onPublish: null, onPlay: null, timeoutMs: 5000, failOpen: false });
  const admission = {
    ...{ on_publish: 'http://h/pub', on_play: 'http://h/play', timeout_ms: 7, fail_open: true },
    jwt: { play: true, key: 'k', jwks_file: 'f', param: 'jwt', issuer: 'i', audience: 'a' },
  };
  const asked = config({ millrace: { admission } });
  assert.deepEqual(callbackOptions(asked), {
    ...{ onPublish: 'http://h/pub', onPlay: 'http://h/play', timeoutMs: 7, failOpen: true },
  });
  assert.deepEqual(jwtOptions(asked), {
    ...{ publish: false, play: true, key: 'k', jwksFile: 'f', param: 'jwt', issuer: 'i', audience: 'a' },
  });
});
