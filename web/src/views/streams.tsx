/** All streams: the sum of them, and a list to search, sort and page. */
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { bitrate, count, visible } from '../model/format.ts';
import { sourceOf } from '../model/history.ts';
import { href } from '../model/route.ts';
import { useStore } from '../model/store.ts';
import { histories, streams } from '../model/streams.ts';
import type { Group, ServerInfo } from '../model/types.ts';
import { BitrateChart, Sparkline } from '../ui/chart.tsx';
import { Field, SearchField, Select } from '../ui/fields.tsx';
import { PagedTable } from '../ui/pager.tsx';
import { Chip, Name, Panel } from '../ui/small.tsx';
import type { Column } from '../ui/table.tsx';
import { PublishPlaces } from './places.tsx';
import { showPullDialog } from './pull-dialog.tsx';

const PAGE_SIZE = 25;

const SORTS = {
  name: (a: Group, b: Group) => a.stream_name.localeCompare(b.stream_name),
  viewers: (a: Group, b: Group) => b.subs.length - a.subs.length,
  bitrate: (a: Group, b: Group) => bitsOf(b) - bitsOf(a),
} as const;

const SHOWN = {
  all: () => true,
  live: (group: Group) => sourceOf(group) !== null,
  waiting: (group: Group) => sourceOf(group) === null,
} as const;

export function StreamsView({ info }: { info: ServerInfo }): VNode {
  const { groups } = useStore(streams);
  const all = groups ?? [];
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>Streams</h1>
        <button type="button" onClick={showPullDialog}>
          Start a pull …
        </button>
      </div>
      {info.warnings.length === 0 ? null : (
        <p class="notice">
          <a href={href({ view: 'server' })}>
            The configuration has {info.warnings.length === 1 ? 'a warning' : `${info.warnings.length} warnings`}
          </a>
        </p>
      )}
      <Totals groups={all} />
      {groups === null ? <p class="empty">Asking the server …</p> : <StreamList groups={all} />}
      {groups !== null && all.length === 0 ? <FirstStream info={info} /> : null}
    </>
  );
}

function Totals({ groups }: { groups: readonly Group[] }): VNode {
  const { bitsIn, bitsOut } = histories.total;
  const viewers = groups.reduce((sum, { subs }) => sum + subs.length, 0);
  const live = groups.filter((group) => sourceOf(group) !== null).length;
  return (
    <section class="panel totals" aria-label="All streams together">
      <dl class="tiles">
        <Tile title="Live" value={count(live)} />
        <Tile title="Viewers" value={count(viewers)} />
        <Tile title="In" value={bitrate(bitsIn.values.at(-1) ?? 0)} />
        <Tile title="Out" value={bitrate(bitsOut.values.at(-1) ?? 0)} />
      </dl>
      <BitrateChart title="Bitrate of all streams" history={histories.total} />
    </section>
  );
}

function Tile({ title, value }: { title: string; value: string }): VNode {
  return (
    <div>
      <dt>{title}</dt>
      <dd>{value}</dd>
    </div>
  );
}

const COLUMNS: readonly Column<Group>[] = [
  {
    title: 'Stream',
    cell: (group) => (
      <>
        <a class="strong" href={href({ view: 'stream', name: group.stream_name })}>
          <Name>{group.stream_name}</Name>
        </a>
        <small>{mediaOf(group)}</small>
      </>
    ),
  },
  {
    title: 'Source',
    cell: (group) => {
      const source = sourceOf(group);
      if (source === null) return <Chip tone="quiet">waiting</Chip>;
      return (
        <>
          <Chip tone="good">live</Chip> {source.protocol}
          {source.base_type === 'PULL' ? ' pull' : ''}
          <small class="minor">{source.remote_addr}</small>
        </>
      );
    },
  },
  {
    title: 'Bitrate',
    cell: (group) => (
      <span class="with-spark">
        <Sparkline line={histories.of(group.stream_name)?.bitsIn ?? null} />
        <span class="rate">{bitrate(bitsOf(group))}</span>
      </span>
    ),
    isNumber: true,
  },
  { title: 'Frames/s', cell: (group) => group.in_frame_per_sec[0]?.v ?? '–', isNumber: true, isMinor: true },
  { title: 'Viewers', cell: (group) => count(group.subs.length), isNumber: true },
];

function StreamList({ groups }: { groups: readonly Group[] }): VNode {
  const [search, setSearch] = useState('');
  const [sort, setSort] = useState<keyof typeof SORTS>('name');
  const [shown, setShown] = useState<keyof typeof SHOWN>('all');
  const words = search.toLowerCase();
  const found = groups
    .filter((group) => SHOWN[shown](group) && group.stream_name.toLowerCase().includes(words))
    .sort(SORTS[sort]);
  return (
    <Panel title={`${count(found.length)} ${found.length === 1 ? 'stream' : 'streams'}`}>
      <div class="filters">
        <SearchField value={search} placeholder="Name of a stream" onInput={setSearch} />
        <Field label="Show">
          <Select value={shown} options={optionsOf(SHOWN)} onChange={setShown} />
        </Field>
        <Field label="Sort by">
          <Select value={sort} options={optionsOf(SORTS)} onChange={setSort} />
        </Field>
      </div>
      <PagedTable
        caption="streams"
        pageSize={PAGE_SIZE}
        columns={COLUMNS}
        rows={found}
        keyOf={(group) => group.stream_name}
        empty={groups.length === 0 ? 'Nobody publishes or plays.' : `No stream is called like “${visible(search)}”.`}
      />
    </Panel>
  );
}

function FirstStream({ info }: { info: ServerInfo }): VNode {
  return (
    <Panel title="Publish a stream">
      <PublishPlaces info={info} app="live" name="test" />
    </Panel>
  );
}

/** The name of a choice is what it is called. */
function optionsOf<K extends string>(choices: Readonly<Record<K, unknown>>): (readonly [K, string])[] {
  return (Object.keys(choices) as K[]).map((key) => [key, key]);
}

/** Bits a second. The API has none for a session's first seconds. */
function bitsOf(group: Group): number {
  const kbits = sourceOf(group)?.read_bitrate_kbits ?? 0;
  return kbits > 0 ? kbits * 1024 : (histories.of(group.stream_name)?.bitsIn.values.at(-1) ?? 0);
}

/** `H264 1280×720 · AAC` */
export function mediaOf({ video_codec, video_width, video_height, audio_codec }: Group): string {
  const size = video_width > 0 ? ` ${video_width}×${video_height}` : '';
  return [`${video_codec}${size}`, audio_codec].filter((part) => part !== '').join(' · ');
}
