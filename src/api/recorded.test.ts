/** Tests against the original's recorded answers: the same bytes are asked, the answers agree in shape and headers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bench, CORS } from './api-bench.fixture.ts';
import { RECORDED } from './recorded.fixture.ts';

function headerLines(head: string): Map<string, string> {
  const lines = head.trimEnd().split('\r\n').slice(1);
  return new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  );
}

/** The keys of every object within, in their order, by path; what we add to the original's left out. */
function keyOrder(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.slice(0, 1).flatMap((item) => keyOrder(item, `${path}[]`));
  const ours = ['pushs', 'event_seq', 'dropped_frames', 'lost_packets'];
  const entries = Object.entries(value).filter(([key]) => !ours.includes(key));
  return entries.flatMap(([key, inner]) => [`${path}.${key}`, ...keyOrder(inner, `${path}.${key}`)]);
}

/** The original's answers are against the specification's field order in one place (HTTPNotify.md IV.1), which goes before. */
function inSpecifiedOrder(body: string): string {
  return body.replace(/("remote_addr":"[^"]*"),("start_time":"[^"]*")/g, '$2,$1');
}

for (const recorded of RECORDED) {
  test(`as the original answers: ${recorded.name}`, async (t) => {
    const { raw } = await bench(t);
    const answer = await raw(recorded.request);
    const [head = '', body = ''] = answer.split('\r\n\r\n');
    assert.equal(head.split('\r\n')[0], 'HTTP/1.1 200 OK');

    const theirHeaders = headerLines(recorded.responseHead);
    const ourHeaders = headerLines(head);
    assert.deepEqual([...ourHeaders.keys()].sort(), [...theirHeaders.keys()].sort());
    for (const name of [...Object.keys(CORS), 'content-type', 'connection']) {
      assert.equal(ourHeaders.get(name), theirHeaders.get(name), name);
    }
    assert.equal(ourHeaders.get('server'), 'millrace/1.2.3');
    assert.equal(ourHeaders.get('content-length'), String(Buffer.byteLength(body)));

    const theirs = JSON.parse(inSpecifiedOrder(recorded.responseBody)) as { error_code: number };
    assert.deepEqual(keyOrder(JSON.parse(body)), keyOrder(theirs));
    if (theirs.error_code === 404) {
      assert.equal(body, recorded.responseBody.replace(/lal"\}$/, 'docs/http-api.md"}'));
    } else if (theirs.error_code !== 0) {
      assert.equal(body, recorded.responseBody);
    }
  });
}
