/** Our RTSP client on a server that no one here wrote: GStreamer's. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { Frame, Tracks } from '../../src/media/index.ts';
import { FaultLog, Outbound, parseMediaUrl } from '../../src/net/index.ts';
import { openRtspSource } from '../../src/protocols/rtsp/index.ts';
import type { Log } from '../../src/streams/index.ts';
import { start } from '../support/process.ts';
import type { Scope } from '../support/temp-dir.ts';
import { withPatience } from '../support/wait-for.ts';

/** Debian's, which knows Debian's bindings. */
const PYTHON = '/usr/bin/python3';
const SERVER = join(import.meta.dirname, '../support/gst-rtsp-server.py');
const PROBE = 'import gi; gi.require_version("GstRtspServer", "1.0")';
const isThere = spawnSync(PYTHON, ['-c', PROBE]).status === 0;

async function gstServer(scope: Scope, ...options: string[]): Promise<number> {
  const { child } = start(scope, PYTHON, [SERVER, ...options]);
  assert.ok(child.stdout);
  const [line] = await withPatience(once(child.stdout, 'data'), () => 'GStreamer’s server did not start');
  return Number(line);
}

const silent = (): void => {};

/** Pulls until so many pictures are there; gives what came. */
async function pull(scope: Scope, url: string, isUdp: boolean, pictures: number) {
  const target = parseMediaUrl(url);
  assert.ok(!('problem' in target));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const frames: Frame[] = [];
  const warnings: string[] = [];
  let tracks: Tracks | null = null;
  const log: Log = { debug: silent, info: silent, error: silent, warn: (_, text) => void warnings.push(text) };
  const source = openRtspSource(
    { target, isUdp, timeoutMs: 10_000, verifyTls: false, outbound: new Outbound({ allow: [] }), userAgent: 'test' },
    {
      onTracks: (each) => {
        tracks = each;
      },
      onFrame: (frame) => {
        frames.push(frame);
        if (frames.filter(({ kind }) => kind === 'video').length === pictures) resolve();
      },
      onBytes: silent,
      onClosed: (why) => reject(new Error(why)),
    },
    { log, clock: { monotonicMs: () => performance.now(), unixMs: () => Date.now() }, faults: new FaultLog(log) },
  );
  scope.after(() => source.close('the test is over'));
  await withPatience(promise, () => `${frames.length} frames`);
  source.close('enough');
  return { frames, tracks: tracks as Tracks | null, warnings };
}

describe('GStreamer’s RTSP server', { skip: !isThere }, () => {
  for (const isUdp of [false, true]) {
    test(`is pulled from ${isUdp ? 'by UDP' : 'over the connection'}`, async (t) => {
      const port = await gstServer(t);
      const { frames, tracks, warnings } = await pull(t, `rtsp://127.0.0.1:${port}/live/s`, isUdp, 60);
      assert.deepEqual([tracks?.video?.width, tracks?.video?.height, tracks?.audio?.sampleRate], [640, 360, 48_000]);
      const first = frames.find((frame) => frame.kind === 'video');
      assert.equal(first?.kind === 'video' && first.key, true);
      for (const kind of ['video', 'audio'] as const) {
        const times = frames.filter((frame) => frame.kind === kind).map(({ dts }) => dts);
        const steps = times.slice(1).map((time, i) => time - (times[i] ?? time));
        assert.ok(steps.length > 30 && steps.every((step) => step >= 0 && step < 100), `${kind}: ${steps.join(' ')}`);
      }
      assert.deepEqual(warnings, []);
    });
  }

  test('with a password that holds an @, by Digest', async (t) => {
    const port = await gstServer(t, 'digest');
    await pull(t, `rtsp://user:p@ss@127.0.0.1:${port}/live/s`, false, 10);
    const wrong = pull(t, `rtsp://user:no@127.0.0.1:${port}/live/s`, false, 10);
    await assert.rejects(wrong, /DESCRIBE was answered 401/);
  });

  test('that does not serve UDP: the connection is taken', async (t) => {
    const port = await gstServer(t, 'tcp-only');
    await pull(t, `rtsp://127.0.0.1:${port}/live/s`, true, 10);
  });
});
