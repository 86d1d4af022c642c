/** Test helper: streams that are published to a table, with what it told and what it left on the disk. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type MediaPlaylist, parsePlaylist } from '../../containers/m3u8/index.ts';
import { AV, aac, video } from '../../containers/mpegts/frames.fixture.ts';
import { FakeClock, identity } from '../../streams/hub.fixture.ts';
import type { Fact, FrameConsumer } from '../../streams/index.ts';
import type { HlsOptions } from './options.ts';
import { StreamTable } from './stream-table.ts';

const silent = (): void => {};

export function hlsOptions(outPath: string, more: Partial<HlsOptions> = {}): HlsOptions {
  return {
    urlPattern: '/hls/',
    isPatternShared: false,
    outPath,
    fragmentDurationMs: 1000,
    fragmentNum: 3,
    deleteThreshold: 2,
    cleanup: 'folder',
    inMemory: false,
    partDurationMs: null,
    sessionTimeoutMs: 5000,
    sessionKey: '',
    ...more,
  };
}

/** A table of streams on a clock that stands still. */
export function fakeTable(options: HlsOptions, clock = new FakeClock()) {
  const facts: Fact[] = [];
  const errors: string[] = [];
  const log = {
    ...{ debug: silent, info: silent, warn: silent },
    error: (fields: object, message: string) => void errors.push(`${message} ${JSON.stringify(fields)}`),
  };
  const table = new StreamTable(options, {
    clock,
    log,
    ledger: { record: (fact) => void facts.push(fact) },
    cwd: '/cwd',
    onChange: silent,
  });
  /** `open 0`, `close 0 1`: event, id and seconds. */
  const story = (): string[] =>
    facts.map((fact) =>
      fact.kind === 'hls_make_ts'
        ? `${fact.event} ${fact.id}${fact.event === 'close' ? ` ${fact.durationSec}` : ''}`
        : fact.kind,
    );
  return { table, facts, errors, story, clock };
}

/** Begins a publication of picture and sound. */
export function begin(table: StreamTable, streamName = 's'): FrameConsumer {
  const consumer = table.begin({ streamName, appName: 'live', session: identity('PUB1', streamName, 'PUB') });
  if (consumer === null) throw new Error(`${streamName} is not taken`);
  consumer.setTracks(AV);
  return consumer;
}

/** So many GOPs of a second each, from `from` on. @returns where the next one begins */
export function writeGops(consumer: FrameConsumer, count: number, from = 0): number {
  for (let dts = from; dts < from + count * 1000; dts += 40) {
    consumer.write(video(dts, (dts - from) % 1000 === 0));
    consumer.write(aac(dts));
  }
  return from + count * 1000;
}

/** A playlist on the disk; null: there is none. */
export function onDisk(folder: string, file: string): MediaPlaylist | null {
  const path = join(folder, file);
  return existsSync(path) ? parsePlaylist(readFileSync(path, 'utf8')) : null;
}

/** The indexes of the segments that are there. */
export function indexesIn(folder: string): number[] {
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.ts')) : [];
  return files.map((file) => Number(/-(\d+)\.ts$/.exec(file)?.[1])).sort((a, b) => a - b);
}

/** The indexes of what a playlist lists, `D` before those that do not follow. */
export function listed(playlist: MediaPlaylist | null): string[] {
  return (playlist?.segments ?? []).map(
    ({ uri, isDiscontinuous }) => `${isDiscontinuous ? 'D' : ''}${/-(\d+)\.ts$/.exec(uri)?.[1]}`,
  );
}
