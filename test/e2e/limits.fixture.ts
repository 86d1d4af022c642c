/** Test helper: a server with bounds, what it says of them, and a publisher and player who must notice nothing. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { parseMetrics } from '../../src/ops/prometheus.fixture.ts';
import { assertUndisturbed } from '../support/continuity.ts';
import { publish } from '../support/ffmpeg.ts';
import { type Config, GOPS_CACHED, type Millrace, startServer } from '../support/millrace.ts';
import { start } from '../support/process.ts';
import { OrderedScope, type Scope, tempDir } from '../support/temp-dir.ts';
import { poll, withPatience } from '../support/wait-for.ts';

/** What is published. */
export const SOURCE = 'h264-640x360';
/** Some seconds of it. */
const ENOUGH_BYTES = 400_000;

/** What the bound turned away so far. */
export async function refusedOf(server: Millrace, limit: string): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${server.port('api')}/metrics`);
  const families = parseMetrics(await response.text());
  const samples = families.flatMap((family) => family.samples);
  return (
    samples.find(({ name, labels }) => name === 'millrace_refused_total' && labels['limit'] === limit)?.value ?? -1
  );
}

/**
 * A stream that is published, and a player of it.
 * @param publishCalm begins to publish `SOURCE` as `calm`; absent: over RTMP
 */
export async function startCalm(scope: Scope, server: Millrace, publishCalm = publishOverRtmp) {
  publishCalm(scope, server);
  await server.log.waitFor('the publisher', (line) => line['stream'] === 'calm' && line['type'] === 'PUB');
  const file = `${tempDir(scope)}/calm.flv`;
  const input = ['-v', 'warning', '-analyzeduration', '2000000', '-i', server.url('http', 'live/calm.flv')];
  const { child, finished } = start(scope, 'ffmpeg', [...input, '-c', 'copy', '-f', 'flv', file]);
  const sent = async (): Promise<number> => {
    const { data } = await server.api('/api/stat/group?stream_name=calm');
    const subs = (data?.['subs'] ?? []) as { wrote_bytes_sum: number }[];
    return subs[0]?.wrote_bytes_sum ?? 0;
  };
  await poll('the player', sent, (bytes) => bytes > 0);
  return {
    /** Fails where the player lacks anything. */
    assertUndisturbed: async (): Promise<void> => {
      const before = await sent();
      await poll('enough of the stream', sent, (bytes) => bytes > before + ENOUGH_BYTES);
      child.kill('SIGINT');
      const { stderr } = await withPatience(finished, () => 'the player did not end');
      assert.equal(stderr, '');
      await assertUndisturbed(scope, file, SOURCE);
    },
  };
}

function publishOverRtmp(scope: Scope, server: Millrace): void {
  publish(scope, server.url('rtmp', 'live/calm'), SOURCE);
}

/** Ends with the test. */
export function scopeOf(t: TestContext): OrderedScope {
  const own = new OrderedScope();
  t.after(() => own.end());
  return own;
}

/** @param limits of `millrace.limits` */
export async function serverWith(scope: Scope, limits: Config, more: Config = {}): Promise<Millrace> {
  const { millrace = {}, ...others } = more as Record<string, Config>;
  return startServer(scope, { ...GOPS_CACHED, ...others, millrace: { ...millrace, limits } });
}
