/** Callbacks: where they stand altogether, the newest as they come, and a search through those that are kept. */
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { post } from '../model/api.ts';
import { EventFeed } from '../model/event-feed.ts';
import { usePolledAnswer } from '../model/polling.ts';
import { goTo } from '../model/route.ts';
import { useStore } from '../model/store.ts';
import { attempt } from '../model/toasts.ts';
import { EVENT_STATES, type EventState, type NotifyEvent, type ServerInfo } from '../model/types.ts';
import { Field, Select, StreamFilter } from '../ui/fields.tsx';
import { NoNews, Panel } from '../ui/small.tsx';
import { EventItem } from './event-item.tsx';
import { NotifyState } from './notify-state.tsx';

const PAGE_SIZE = 100;
const PAGE_POLL_MS = 2000;

export function EventsView({ stream, info }: { stream: string; info: ServerInfo }): VNode {
  const [state, setState] = useState<EventState | ''>('');
  const isFiltered = stream !== '' || state !== '';
  return (
    <>
      <h1 tabIndex={-1}>Events</h1>
      {info.features.notify ? null : (
        <p class="notice">HTTP Notify is off (http_notify.enable): no events are recorded or delivered.</p>
      )}
      <NotifyState />
      <Panel title={isFiltered ? 'Events found, newest first' : 'Newest events, live'}>
        <StreamFilter stream={stream} onShow={(wanted) => goTo({ view: 'events', stream: wanted })}>
          <Field label="State">
            <Select value={state} options={STATE_OPTIONS} onChange={setState} />
          </Field>
          <button type="submit">Show</button>
          {state === 'refused' || state === 'expired' ? <ReplayAll state={state} /> : null}
        </StreamFilter>
        {isFiltered ? <FoundEvents key={state} stream={stream} state={state} /> : <LiveEvents />}
      </Panel>
    </>
  );
}

const STATE_OPTIONS: readonly (readonly [EventState | '', string])[] = [
  ['', 'all'],
  ...EVENT_STATES.map((each): readonly [EventState, string] => [each, each]),
];

function ReplayAll({ state }: { state: 'refused' | 'expired' }): VNode {
  const replay = (): Promise<boolean> =>
    attempt(
      post<{ replayed: number }>('notify/replay', { state }),
      ({ replayed }) => `${replayed} events are delivered once more`,
    );
  return (
    <button type="button" onClick={() => void replay()}>
      Replay all {state}
    </button>
  );
}

/** @returns whether it was done */
function replayOne(event: NotifyEvent): Promise<boolean> {
  return attempt(post('notify/replay', { ids: [event.id] }), `${event.event} is delivered once more`);
}

function LiveEvents(): VNode {
  const [feed] = useState(() => new EventFeed());
  const [held, setHeld] = useState<readonly NotifyEvent[] | null>(null);
  useEffect(() => {
    feed.start();
    return () => feed.stop();
  }, [feed]);
  const { events, problem } = useStore(feed.feed);
  const replay = async (event: NotifyEvent): Promise<void> => {
    if (await replayOne(event)) feed.markWaiting([event.id]);
  };
  return (
    <>
      <p class="line">
        <button type="button" aria-pressed={held !== null} onClick={() => setHeld(held === null ? events : null)}>
          {held === null ? 'Hold' : 'Go on'}
        </button>
        <span>{held === null ? '' : `Held; ${newerThan(held, events)} newer have come.`}</span>
      </p>
      <NoNews problem={problem} />
      <EventList events={held ?? events} onReplay={replay} empty="No event has been recorded yet." />
    </>
  );
}

function newerThan(held: readonly NotifyEvent[], events: readonly NotifyEvent[]): number {
  const last = held[0]?.seq ?? 0;
  return events.filter(({ seq }) => seq > last).length;
}

function FoundEvents({ stream, state }: { stream: string; state: EventState | '' }): VNode {
  /** The numbers before which the pages after the first one begin, up to this one. */
  const [starts, setStarts] = useState<readonly number[]>([]);
  const query = { order: 'desc', before: starts.at(-1) ?? '', limit: PAGE_SIZE, stream_name: stream, state };
  const { data, problem } = usePolledAnswer<{ events: readonly NotifyEvent[] }>('notify/events', query, PAGE_POLL_MS);
  const events = data?.events ?? null;
  const last = events?.at(-1);
  const hasMore = events !== null && events.length === PAGE_SIZE;
  const next = (): void => {
    if (last !== undefined) setStarts([...starts, last.seq]);
  };
  return (
    <>
      <NoNews problem={problem} />
      {events === null ? null : (
        <EventList events={events} onReplay={replayOne} empty="No event that is kept is like that." />
      )}
      {starts.length === 0 && !hasMore ? null : (
        <nav class="pager" aria-label="Pages of events">
          <button type="button" disabled={starts.length === 0} onClick={() => setStarts(starts.slice(0, -1))}>
            Newer
          </button>
          <button type="button" disabled={!hasMore} onClick={next}>
            Older
          </button>
        </nav>
      )}
    </>
  );
}

interface EventListProps {
  readonly events: readonly NotifyEvent[];
  readonly onReplay: (event: NotifyEvent) => Promise<unknown>;
  readonly empty: string;
}

function EventList({ events, onReplay, empty }: EventListProps): VNode {
  if (events.length === 0) return <p class="empty">{empty}</p>;
  return (
    <ul class="events" aria-label="Events">
      {events.map((event) => (
        <EventItem key={event.seq} event={event} onReplay={onReplay} />
      ))}
    </ul>
  );
}
