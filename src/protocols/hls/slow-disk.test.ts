import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parsePlaylist } from '../../containers/m3u8/index.ts';
import { AV, slice, video } from '../../containers/mpegts/frames.fixture.ts';
import { FakeClock } from '../../streams/hub.fixture.ts';
import { DiskStore } from './disk-store.ts';
import { hlsOptions, indexesIn, listed, onDisk } from './publish.fixture.ts';
import { HlsStream } from './stream.ts';

const MIB = 1024 * 1024;

/** A disk that takes nothing in until it is let. */
class StuckDisk extends DiskStore {
  readonly gate: PromiseWithResolvers<void> = Promise.withResolvers<void>();

  override async finish(file: string, bytes: Buffer): Promise<void> {
    await this.gate.promise;
    await super.finish(file, bytes);
  }
}

for (const [what, frameBytes, least, most] of [
  ['large segments are bounded by their bytes', 8 * MIB, 7, 8],
  ['small segments are bounded by their number', 100, 14, 16],
] as const) {
  test(`a disk that stands still: ${what}, and what came meanwhile is a gap`, async (t) => {
    const out = mkdtempSync(join(tmpdir(), 'millrace-'));
    t.after(() => rmSync(out, { recursive: true }));
    const options = hlsOptions(out, { fragmentNum: 100 });
    const disk = new StuckDisk(out, 's', options.fragmentDurationMs, true);
    const said: string[] = [];
    const silent = (): void => {};
    const error = (_: object, message: string): void => void said.push(message);
    const log = { debug: silent, info: silent, warn: silent, error };
    const facts: string[] = [];
    const stream = new HlsStream(
      's',
      options,
      {
        ...{ clock: new FakeClock(), log, cwd: '/', disk, onChange: silent },
        ledger: { record: (fact) => void facts.push(fact.kind === 'hls_make_ts' ? `${fact.event} ${fact.id}` : '') },
      },
      Promise.resolve(),
    );
    const publication = stream.begin('live');
    publication.setTracks(AV);
    const write = (from: number, to: number): void => {
      for (let n = from; n < to; n++) publication.write(video(n * 1000, true, [slice(true, frameBytes)]));
    };
    write(0, 40);
    await new Promise(setImmediate);
    assert.equal(stream.playlist(), null);
    disk.gate.resolve();
    await stream.idle;
    const first = listed(parsePlaylist(stream.playlist()?.toString() ?? ''));
    assert.ok(first.length >= least && first.length <= most, first.join());
    assert.equal(said.length, 1);

    for (let n = 40; n < 43; n++) {
      write(n, n + 1);
      await stream.idle;
    }
    publication.end();
    await stream.idle;
    const all = listed(onDisk(join(out, 's'), 'playlist.m3u8'));
    assert.deepEqual(all.slice(0, first.length), first);
    const gaps = all.filter((each) => each.startsWith('D'));
    assert.equal(gaps.length, 1, all.join());
    assert.ok(all.length >= first.length + 2);
    // no file is left of what was begun and then lost, and numbers go up by one
    assert.deepEqual(
      indexesIn(join(out, 's')).map(String),
      all.map((each) => each.replace('D', '')),
    );
    const opened = facts.filter((each) => each.startsWith('open')).map((each) => Number(each.slice(5)));
    assert.deepEqual(opened, [...opened.keys()]);
  });
}
