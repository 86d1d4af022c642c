/** Program streams that no one here wrote: those of ffmpeg, in each of its flavours. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { demux } from './demux.fixture.ts';

describe("ffmpeg's program streams", () => {
  const input = ['-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=25:duration=3'];
  const run = (args: readonly string[]): Buffer => {
    const { stdout, stderr, status } = spawnSync('ffmpeg', ['-v', 'error', '-nostdin', ...args], {
      maxBuffer: 2 ** 28,
    });
    assert.equal(status, 0, stderr.toString());
    return stdout;
  };
  const codecs: Record<string, string[]> = {
    H264: ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '25', '-pix_fmt', 'yuv420p'],
    H265: ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error:keyint=25:pools=1'],
  };
  for (const format of ['vob', 'svcd', 'dvd', 'mpeg']) {
    for (const [codec, options] of Object.entries(codecs)) {
      it(`${format} of ${codec}: packets cut anywhere, some without times`, () => {
        const bytes = run([...input, ...options, '-bf', '0', '-f', format, 'pipe:1']);
        const { tracks, frames, problems } = demux(bytes);
        assert.deepEqual([tracks.video?.codec, tracks.video?.width, problems], [codec, 320, []]);
        assert.equal(frames.length, 75);
        frames.forEach(({ dts }, i) => {
          const due = (frames[0]?.dts ?? 0) + i * 40;
          assert.ok(Math.abs(dts - due) < 1, `frame ${i} at ${dts}, due ${due}`);
        });
      });
    }
  }

  it('B-frames keep pts and dts where the stream has them', () => {
    const bytes = run([
      ...input,
      ...(codecs['H264'] ?? []),
      '-bf',
      '2',
      '-b:v',
      '3M',
      '-minrate',
      '3M',
      '-f',
      'vob',
      'pipe:1',
    ]);
    const { frames } = demux(bytes);
    assert.equal(frames.length, 75);
    assert.ok(frames.some(({ pts, dts }) => pts - dts >= 80));
    assert.ok(frames.every(({ pts, dts }, i) => pts >= dts && dts >= (frames[i - 1]?.dts ?? 0)));
  });
});
