/** Tests of what the registry's answers about holes mean. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeAudit } from './audit.ts';

const answer = (vulnerabilities: object): string => JSON.stringify({ auditReportVersion: 2, vulnerabilities });

test('a hole of moderate severity or more fails the check and is named', () => {
  const via = [{ source: 1, title: 'Request smuggling', url: 'https://example.org/1' }];
  const holes = { undici: { name: 'undici', severity: 'high', via, range: '<8.0.1' } };
  assert.deepEqual(judgeAudit(answer(holes)), { passed: false, lines: ['high: undici <8.0.1: Request smuggling'] });
  const low = { a: { severity: 'low', via: ['undici'], range: '*' } };
  assert.deepEqual(judgeAudit(answer(low)), { passed: true, lines: ['low: a *: by undici'] });
  assert.equal(judgeAudit(answer({ ...low, ...holes })).passed, false);
});

test('no holes, and no answer, pass; the latter is said', () => {
  assert.deepEqual(judgeAudit(answer({})), { passed: true, lines: ['no known holes'] });
  for (const output of ['', 'npm error network', '{"message":"405 Method Not Allowed","error":{"summary":""}}']) {
    const { passed, lines } = judgeAudit(output);
    assert.ok(passed);
    assert.match(lines.join(), /nothing was checked/);
  }
});
