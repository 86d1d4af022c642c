/** One callback in a list: a line, and behind it its body and every try to deliver it. */
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { dateTime, timeOfDay, visible } from '../model/format.ts';
import { href } from '../model/route.ts';
import type { EventState, NotifyEvent } from '../model/types.ts';
import { Chip, CopyButton, Facts, Name } from '../ui/small.tsx';

const TONES = { waiting: 'warn', delivered: 'good', refused: 'bad', expired: 'bad' } as const satisfies Record<
  EventState,
  string
>;

interface EventItemProps {
  readonly event: NotifyEvent;
  readonly onReplay: (event: NotifyEvent) => Promise<unknown>;
}

export function EventItem({ event, onReplay }: EventItemProps): VNode {
  const [isOpen, setOpen] = useState(false);
  return (
    <li>
      <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary>
          <span class="seq">{event.seq}</span>
          <time>{timeOfDay(event.unix_ms)}</time>
          <span class="strong">{event.event}</span>
          <span class="of">
            {event.stream_name === null ? null : <Name>{event.stream_name}</Name>} {event.session_id}
          </span>
          <Chip tone={TONES[event.state]}>{event.state}</Chip>
          <span class="tries">{triesOf(event)}</span>
        </summary>
        {isOpen ? <EventDetails event={event} onReplay={onReplay} /> : null}
      </details>
    </li>
  );
}

/** Only the newest tries are told, so beyond a few their number is not known. */
function triesOf({ attempts }: NotifyEvent): string {
  const last = attempts.at(-1);
  if (last === undefined) return '';
  const outcome = last.status === null ? (last.error ?? '') : `HTTP ${last.status}`;
  return attempts.length === 1 ? outcome : `${attempts.length} tries, ${outcome}`;
}

function EventDetails({ event, onReplay }: EventItemProps): VNode {
  const { seq, id, stream_seq, url, attempts, body, state, stream_name } = event;
  return (
    <div class="details">
      <Facts
        facts={[
          ['webhook-id', id],
          ['Number', stream_seq === null ? String(seq) : `${seq}, in its stream ${stream_seq}`],
          ['To', url],
          ['Happened', dateTime(event.unix_ms)],
        ]}
      />
      <h3>Tries</h3>
      {attempts.length === 0 ? (
        <p class="empty">None yet.</p>
      ) : (
        <ol class="attempts">
          {attempts.map(({ at, status, error }) => (
            <li key={at}>
              {at}: {status === null ? '' : `HTTP ${status} `}
              {visible(error ?? '')}
            </li>
          ))}
        </ol>
      )}
      <h3>Body</h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
      <pre tabIndex={0}>{pretty(body)}</pre>
      <div class="actions">
        <CopyButton text={body} what="the body" />
        {state === 'waiting' ? null : (
          <button type="button" class="small" onClick={() => void onReplay(event)}>
            Replay
          </button>
        )}
        {stream_name === null ? null : (
          <a class="button small" href={href({ view: 'stream', name: stream_name })}>
            Its stream
          </a>
        )}
      </div>
    </div>
  );
}

/** With line breaks, where it is JSON. */
function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
