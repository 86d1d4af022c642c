/** What people and their programs write: configurations, addresses, URLs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAddress } from '../../../src/config/addr.ts';
import { checkConfig } from '../../../src/config/index.ts';
import { parseJson } from '../../../src/config/json-text.ts';
import { fileNameProblem, parseMediaUrl, parseStreamPath } from '../../../src/net/index.ts';
import type { FuzzTarget } from '../fuzzer.ts';

const CONFIG = join(import.meta.dirname, '../../../conf/millrace.conf.json');

const config: FuzzTarget = {
  name: 'config',
  seeds: [
    readFileSync(CONFIG),
    Buffer.from('{"rtmp":{"enable":true,"addr":":1935"},"hls":{"fragment_num":-1},"simple_auth":{"key":7}}'),
    Buffer.from('{"http_notify":{"on_pub_start":"ftp://x"},"__proto__":{"rtmp":1},"millrace":{"threads":1e99}}'),
  ],
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

const urls: FuzzTarget = {
  name: 'urls',
  seeds: [
    '/live/test',
    '/a/../..//b%2f',
    'rtmp://u:p@[::1]:1935/live/a?x=1',
    '[::]:8080',
    'a.flv',
    '..%5c<script>',
  ].map((text) => Buffer.from(text)),
  run: (pieces, out) => {
    const text = Buffer.concat(pieces).toString('latin1');
    out.push(parseStreamPath(text), parseMediaUrl(text), parseAddress(text), fileNameProblem(text));
  },
  allows: () => false,
};

export const TEXT_TARGETS: readonly FuzzTarget[] = [config, urls];
