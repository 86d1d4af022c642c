/** One stream: its source, its picture, its graphs, and everybody who watches. */
import type { VNode } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { ApiError, get, post, reasonOf } from '../model/api.ts';
import { count } from '../model/format.ts';
import { History, sourceOf } from '../model/history.ts';
import { usePolling } from '../model/polling.ts';
import { href } from '../model/route.ts';
import { POLL_MS } from '../model/streams.ts';
import { attempt } from '../model/toasts.ts';
import type { Group, ServerInfo } from '../model/types.ts';
import { BitrateChart, Chart } from '../ui/chart.tsx';
import { Chip, Name, NoNews, Panel } from '../ui/small.tsx';
import { PlayPlaces, PublishPlaces, QueryField } from './places.tsx';
import { Player } from './player.tsx';
import { SessionTable } from './session-table.tsx';
import { StreamRecords } from './stream-records.tsx';
import { mediaOf } from './streams.tsx';

const GROUP_NOT_FOUND = 1001;

interface StreamProps {
  readonly name: string;
  readonly info: ServerInfo;
}

/** What was last heard of the stream. */
type State =
  | { readonly kind: 'asked' | 'absent' }
  | { readonly kind: 'there'; readonly group: Group }
  | { readonly kind: 'failed'; readonly why: string };

export function StreamView({ name, info }: StreamProps): VNode {
  const [state, setState] = useState<State>({ kind: 'asked' });
  const history = useRef(new History());
  const [query, setQuery] = useState('');
  const task = async (): Promise<number> => {
    try {
      const { data, bytes } = await get<Group>('stat/group', { stream_name: name });
      history.current.add([data], Date.now() / 1000);
      history.current.addFrames(data);
      setState({ kind: 'there', group: data });
      return bytes;
    } catch (error) {
      const isAbsent = error instanceof ApiError && error.code === GROUP_NOT_FOUND;
      setState(isAbsent ? { kind: 'absent' } : { kind: 'failed', why: reasonOf(error) });
      return 0;
    }
  };
  usePolling(task, POLL_MS, [name]);
  const group = state.kind === 'there' ? state.group : null;
  const app = group === null || group.app_name === '' ? 'live' : group.app_name;
  return (
    <>
      <p class="crumb">
        <a href="#/">Streams</a>
      </p>
      <div class="title">
        <h1 tabIndex={-1}>
          <Name>{name}</Name>
        </h1>
        <StateChip state={state} />
        {group === null ? null : <span class="media">{mediaOf(group)}</span>}
        <a class="button" href={href({ view: 'events', stream: name })}>
          Its events
        </a>
      </div>
      {state.kind === 'absent' ? <Absent name={name} /> : null}
      <NoNews problem={state.kind === 'failed' ? state.why : null} />
      <div class="halves">
        {group === null ? null : (
          <div>
            {sourceOf(group) === null ? null : (
              <Panel title="Picture">
                <Player info={info} stream={{ app, name, query }} />
                <QueryField isNeeded={info.features.play_secret} query={query} onQuery={setQuery} />
              </Panel>
            )}
            <Panel title="Graphs">
              <Graphs history={history.current} hasVideo={group.video_codec !== ''} />
            </Panel>
            <Panel title="Records">
              <StreamRecords name={name} />
            </Panel>
          </div>
        )}
        <div>
          {group === null ? null : <Sessions group={group} />}
          <Panel title="Play elsewhere">
            <PlayPlaces info={info} app={app} name={name} query={query} />
          </Panel>
          <Panel title="Publish">
            <PublishPlaces key={app} info={info} app={app} name={name} />
          </Panel>
        </div>
      </div>
    </>
  );
}

function StateChip({ state }: { state: State }): VNode | null {
  if (state.kind === 'absent') return <Chip tone="quiet">not there</Chip>;
  if (state.kind !== 'there') return null;
  return sourceOf(state.group) === null ? <Chip tone="warn">waiting</Chip> : <Chip tone="good">live</Chip>;
}

function Graphs({ history, hasVideo }: { history: History; hasVideo: boolean }): VNode {
  return (
    <>
      <BitrateChart title="Bitrate" history={history} />
      {hasVideo ? (
        <Chart
          title="Frames a second"
          format={(value) => value.toFixed(0)}
          lines={[{ label: 'frames', color: '--line-3', line: history.frames }]}
        />
      ) : null}
    </>
  );
}

function Sessions({ group }: { group: Group }): VNode {
  const { stream_name: name, pub, pull, subs, pushs } = group;
  const stop = pull.session_id === '' ? null : <StopPull name={name} />;
  return (
    <>
      <Panel title="Source" aside={stop}>
        <SessionTable
          what="source"
          streamName={name}
          sessions={[pub, pull].filter(({ session_id }) => session_id !== '')}
          empty="Nobody publishes; viewers wait."
        />
      </Panel>
      <Panel title={`${count(subs.length)} ${subs.length === 1 ? 'viewer' : 'viewers'}`}>
        <SessionTable what="viewers" streamName={name} sessions={subs} empty="Nobody watches." />
      </Panel>
      {pushs.length === 0 ? null : (
        <Panel title="Pushes">
          <SessionTable what="pushes" streamName={name} sessions={pushs} empty="" />
        </Panel>
      )}
    </>
  );
}

/** Also a pull that has not connected yet can be stopped. */
function Absent({ name }: { name: string }): VNode {
  return (
    <div class="notice">
      <p>Nobody publishes or plays this stream. A pull that connects, or waits for its next try, is not seen here.</p>
      <StopPull name={name} />
    </div>
  );
}

function StopPull({ name }: { name: string }): VNode {
  const stop = (): Promise<boolean> =>
    attempt(
      post<{ session_id: string }>('ctrl/stop_relay_pull', { stream_name: name }),
      ({ session_id }) => `Pull ${session_id} is stopped`,
    );
  return (
    <button type="button" class="small" onClick={() => void stop()}>
      Stop the pull
    </button>
  );
}
