/** What people and their programs write: configurations, addresses, names, headers, bodies of the API. */
import { readFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { ENDPOINTS } from '../../../src/api/endpoints.ts';
import { wrongParam } from '../../../src/api/own-params.ts';
import { parseAddress } from '../../../src/config/addr.ts';
import { checkConfig } from '../../../src/config/index.ts';
import { parseJson } from '../../../src/config/json-text.ts';
import { isHostEntry } from '../../../src/net/host-list.ts';
import { createRedactor, fileNameProblem, parseMediaUrl, parseStreamPath } from '../../../src/net/index.ts';
import { nameProblem, parsePath, segmentIndex } from '../../../src/protocols/hls/names.ts';
import { parseRtmpUrl } from '../../../src/protocols/rtmp/url.ts';
import {
  contentBase,
  controlUrl,
  namesControl,
  parseStreamUrl,
  splitTrackUrl,
} from '../../../src/protocols/rtsp/url.ts';
import type { FuzzTarget } from '../judge.ts';
import { NAME_TROUBLE } from './known-trouble.ts';

const CONFIG = join(import.meta.dirname, '../../../conf/millrace.conf.json');
const JSON_WORDS = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ':',
  ',',
  'null',
  'true',
  '-1',
  '1e999',
  '"a":',
  '\\u0000',
  '\\ud800',
  '\uFEFF',
];

const config: FuzzTarget = {
  name: 'config',
  seeds: [
    readFileSync(CONFIG),
    Buffer.from('{"rtmp":{"enable":true,"addr":":1935"},"hls":{"fragment_num":-1},"simple_auth":{"key":7}}'),
    Buffer.from('{"http_notify":{"on_pub_start":"ftp://x"},"__proto__":{"rtmp":1},"millrace":{"threads":1e99}}'),
  ],
  words: [...JSON_WORDS, '"rtmp":', '"millrace":', '"addr":', '"enable":true', '":0"', '"[::]:65536"'],
  run: (pieces, out) => {
    const json = parseJson(Buffer.concat(pieces).toString());
    if (!json.ok) {
      out.push(json);
      return;
    }
    const checked = checkConfig(json.value);
    out.push(checked.ok ? checked.warnings : checked.errors);
  },
  allows: () => false,
};

/** Longer than anything that a request line can bring. */
const MAX_NAME_BYTES = 64 * 1024;
/** A folder that no name may lead out of. */
const ROOT = '/srv/records';

function mustStayInside(name: string): void {
  const path = resolve(ROOT, name);
  if (!path.startsWith(ROOT + sep)) throw new Error(`${JSON.stringify(name)} leads to ${path}`);
}

const redact = createRedactor(['lal_secret']);

const names: FuzzTarget = {
  name: 'names',
  seeds: [
    ...['/live/test', '/a/../..//b%2f', 'rtmp://u:p@[::1]:1935/live/a?x=1', '[::]:8080', 'a.flv', '*.example.org:80'],
    ...['rtsp://u:p@h:554/live/s/trackID=0?a=b', 's/playlist.m3u8', 's-1700000000000-7.ts', 's/ll-1.m4s', '10.0.0.0/8'],
    ...NAME_TROUBLE,
  ].map((text) => Buffer.from(text)),
  words: ['/', '..', '%', '%2f', '%5c', '?', '#', '@', ':', '[', ']', '\\', '\0', 'trackID=', '-1-1.ts', '.m3u8', '//'],
  run: (pieces, out) => {
    const text = Buffer.concat(pieces).toString('utf8', 0, MAX_NAME_BYTES);
    const path = parseStreamPath(text);
    const names = 'problem' in path ? [] : [path.appName, path.streamName];
    if (names.some((name) => name.split('/').includes('..'))) throw new Error('a name that climbs');
    out.push(
      path,
      parseMediaUrl(text),
      parseAddress(text),
      isHostEntry(text),
      fileNameProblem(text),
      nameProblem(text),
    );
    if (fileNameProblem(text) === null || nameProblem(text) === null) mustStayInside(text);
    out.push(parseRtmpUrl(text, text, text, {}), parseStreamUrl(text), splitTrackUrl(text), contentBase(text));
    out.push(namesControl(text, 'trackID=0'), controlUrl(text, text), parsePath(text), segmentIndex('s', text));
    out.push(redact(`${text}?lal_secret=of-ours&b=1`).includes('of-ours') ? 'a secret that is shown' : '');
    if (out.at(-1) !== '') throw new Error('a secret that is shown');
  },
  allows: () => false,
};

/** A body of the API goes to every endpoint's own check. */
const api: FuzzTarget = {
  name: 'api',
  seeds: [
    '{"stream_name":"test110","session_id":"RTMPPUBSUB1"}',
    '{"ip":"192.0.2.7","duration_sec":60}',
    '{"stream_name":"s","port":0,"timeout_ms":1000,"is_tcp_flag":1,"debug_dump_packet":"/tmp/x"}',
    '{"url":"rtmp://h/live/s","stream_name":"s","pull_timeout_ms":1,"pull_retry_num":-1,"rtsp_mode":0}',
    '{"state":"waiting","limit":"10","since":-1,"ids":["a","b"],"timeout_sec":3,"stream_name":null}',
    '[]',
  ].map((text) => Buffer.from(text)),
  words: [...JSON_WORDS, '"stream_name":', '"ids":[', '"since":', '"limit":', '""'],
  run: (pieces, out) => {
    let body: unknown;
    try {
      body = JSON.parse(Buffer.concat(pieces).toString());
    } catch {
      return;
    }
    const params = typeof body === 'object' && body !== null && !Array.isArray(body) ? { ...body } : null;
    for (const endpoint of ENDPOINTS) {
      const parsed = endpoint.params.safeParse(params);
      out.push(parsed.success ? endpoint.path : wrongParam(parsed.error, params).desp);
    }
  },
  allows: () => false,
};

export const TEXT_TARGETS: readonly FuzzTarget[] = [config, names, api];
