/** Commands to the server itself: reading its configuration again, and draining it. */
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { ApiError, post, reasonOf } from '../model/api.ts';
import { count, wholeSeconds } from '../model/format.ts';
import { usePolling } from '../model/polling.ts';
import { Store, useStore } from '../model/store.ts';
import { attempt } from '../model/toasts.ts';
import type { Draining, Reloaded } from '../model/types.ts';
import { Dialog, showDialog } from '../ui/dialog.tsx';
import { Field, Select } from '../ui/fields.tsx';

const NOTHING: Reloaded = { applied: [], needs_restart: [], certificates: [] };
const DRAIN_POLL_MS = 1000;
const DRAIN_TIMES = [
  ['30', '30 seconds'],
  ['300', '5 minutes'],
  ['3600', 'an hour'],
  ['86400', 'a day'],
] as const;

/** What came of a reload. */
interface Outcome extends Partial<Reloaded> {
  /** Why it was not done, or not all of it; empty: it was. */
  readonly why: string;
  readonly errors?: readonly string[];
}

export function Reload(): VNode {
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const reload = async (): Promise<void> => {
    try {
      setOutcome({ ...(await post<Reloaded>('server/reload', {})), why: '' });
    } catch (error) {
      const data = error instanceof ApiError ? (error.data as Partial<Outcome> | null | undefined) : null;
      setOutcome({ ...data, why: reasonOf(error) });
    }
  };
  return (
    <>
      <p>Reads the configuration file again. Sessions go on; a file with errors changes nothing.</p>
      <div class="actions">
        <button type="button" onClick={() => void reload()}>
          Reload
        </button>
      </div>
      <div class="stack" role="status">
        {outcome === null ? null : <ReloadOutcome outcome={outcome} />}
      </div>
    </>
  );
}

function ReloadOutcome({ outcome }: { outcome: Outcome }): VNode {
  const { why, errors = [], applied, needs_restart: needsRestart, certificates } = { ...NOTHING, ...outcome };
  const isUnchanged = why === '' && applied.length + needsRestart.length + certificates.length === 0;
  return (
    <>
      {why === '' ? null : <p class="problem">{why}</p>}
      <Keys title="What is wrong" keys={errors} />
      {isUnchanged ? <p>Nothing in the file has changed.</p> : null}
      <Keys title="Applied" keys={applied} />
      <Keys title="Needs a restart" keys={needsRestart} />
      <Keys title="Certificates read anew" keys={certificates} />
    </>
  );
}

function Keys({ title, keys }: { title: string; keys: readonly string[] }): VNode | null {
  if (keys.length === 0) return null;
  return (
    <div>
      <h3>{title}</h3>
      <ul class="warnings">
        {keys.map((key) => (
          <li key={key}>
            <code>{key}</code>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** What was heard of the drain that was begun here; null: none was. */
const draining = new Store<Draining | null>(null);

export function Drain(): VNode {
  const state = useStore(draining);
  return (
    <>
      <p>Lets nobody in any more and ends the server once all have left, as before an upgrade.</p>
      <div class="actions">
        <button type="button" class="danger" disabled={state !== null} onClick={() => showDialog(<DrainDialog />)}>
          Drain …
        </button>
      </div>
      <div role="status">{state === null ? null : <DrainState state={state} />}</div>
    </>
  );
}

function DrainState({ state: { sessions, ends_at } }: { state: Draining }): VNode {
  const [isGone, setGone] = useState(false);
  // asked again, it changes nothing and tells how it stands
  const task = async (): Promise<number> => {
    try {
      draining.set(await post<Draining>('server/drain', {}));
      setGone(false);
    } catch {
      setGone(true);
    }
    return 0;
  };
  usePolling(task, DRAIN_POLL_MS, []);
  if (isGone) return <p>The server has ended, or is about to.</p>;
  const left = sessions === 1 ? '1 session is' : `${count(sessions)} sessions are`;
  return (
    <p>
      Draining: {left} left; the end is at {wholeSeconds(ends_at)} at the latest.
    </p>
  );
}

function DrainDialog(): VNode {
  const [seconds, setSeconds] = useState<(typeof DRAIN_TIMES)[number][0]>('300');
  const onAction = (): Promise<boolean> =>
    attempt(
      post<Draining>('server/drain', { timeout_sec: Number(seconds) }).then((state) => draining.set(state)),
      'The server is draining',
    );
  return (
    <Dialog title="Drain and end this server?" action="Drain" isDangerous onAction={onAction}>
      <p>
        From now on nobody is let in. When all publishers and players have left, or the time is over, the rest is ended
        and the process exits. This cannot be taken back.
      </p>
      <Field label="Those who are here may stay">
        <Select value={seconds} options={DRAIN_TIMES} onChange={setSeconds} />
      </Field>
    </Dialog>
  );
}
