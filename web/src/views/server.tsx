/** The server itself: which it is, where it listens, what its configuration lacks, and blocked addresses. */
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { get, getText, post } from '../model/api.ts';
import { count, wholeSeconds } from '../model/format.ts';
import { type Loss, lossesOf } from '../model/metrics.ts';
import { usePolling } from '../model/polling.ts';
import { attempt } from '../model/toasts.ts';
import type { LalInfo, Listener, ServerInfo } from '../model/types.ts';
import { Field } from '../ui/fields.tsx';
import { Facts, Panel } from '../ui/small.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { PublishPlaces } from './places.tsx';
import { Drain, Reload } from './server-control.tsx';

const READY_POLL_MS = 2000;
const LOSSES_POLL_MS = 5000;

export function ServerView({ info }: { info: ServerInfo }): VNode {
  return (
    <>
      <h1 tabIndex={-1}>Server</h1>
      <div class="halves">
        <div>
          <Panel title="About">
            <About />
          </Panel>
          <Panel title="Warnings of the configuration">
            <Warnings warnings={info.warnings} />
          </Panel>
          <Panel title="Reload">
            <Reload />
          </Panel>
          <Panel title="Blocked addresses">
            <Blocking />
          </Panel>
          <Panel title="Drain">
            <Drain />
          </Panel>
        </div>
        <div>
          <Panel title="Listeners">
            <Table
              caption="Listeners"
              columns={LISTENER_COLUMNS}
              rows={info.listeners}
              keyOf={({ protocol, scheme }) => `${protocol} ${scheme}`}
              empty="None is open."
            />
          </Panel>
          <Panel title="Refused, left out and lost since the start">
            <Losses />
          </Panel>
          <Panel title="Publish a stream">
            <PublishPlaces info={info} app="live" name="test" />
          </Panel>
        </div>
      </div>
    </>
  );
}

const LISTENER_COLUMNS: readonly Column<Listener>[] = [
  { title: 'Protocol', cell: ({ protocol }) => protocol },
  { title: 'Scheme', cell: ({ scheme }) => scheme },
  { title: 'Paths', cell: ({ url_pattern: pattern }) => (pattern === '' ? 'APP/STREAM' : <code>{pattern}</code>) },
  { title: 'Address', cell: ({ host }) => (host === '' ? 'every address' : host), isMinor: true },
  { title: 'Port', cell: ({ port }) => port, isNumber: true },
];

function About(): VNode {
  const [about, setAbout] = useState<LalInfo | null>(null);
  const [state, setState] = useState('');
  useEffect(() => {
    get<LalInfo>('stat/lal_info').then(
      ({ data }) => setAbout(data),
      () => undefined,
    );
  }, []);
  usePolling(() => told('readyz', (text) => setState(text.trim())), READY_POLL_MS, []);
  const facts: readonly (readonly [string, string])[] = [
    ['Server', about?.server_id ?? ''],
    ['State', state],
    ['Program', about?.bin_info ?? ''],
    ['Running since', wholeSeconds(about?.start_time ?? '')],
    ['Speaks', `lalserver ${about?.lal_version ?? ''}, API ${about?.api_version ?? ''}`],
    ['HTTP Notify', about?.notify_version ?? ''],
  ];
  return <Facts facts={facts} />;
}

/** Hands on what is answered. @returns its size */
async function told(path: 'metrics' | 'readyz', onText: (text: string) => void): Promise<number> {
  try {
    const text = await getText(path);
    onText(text);
    return text.length;
  } catch {
    // the bar at the top says that there is no news
    return 0;
  }
}

const LOSS_COLUMNS: readonly Column<Loss>[] = [
  { title: 'What', cell: ({ what }) => what },
  { title: 'Of', cell: ({ of }) => of },
  { title: 'Count', cell: (loss) => count(loss.count), isNumber: true },
];

function Losses(): VNode {
  const [losses, setLosses] = useState<readonly Loss[]>([]);
  usePolling(() => told('metrics', (text) => setLosses(lossesOf(text))), LOSSES_POLL_MS, []);
  return (
    <Table
      caption="Refused, left out and lost"
      columns={LOSS_COLUMNS}
      rows={losses}
      keyOf={({ what, of }) => `${what} ${of}`}
      empty="Nothing."
    />
  );
}

function Warnings({ warnings }: { warnings: readonly string[] }): VNode {
  if (warnings.length === 0) return <p class="empty">None.</p>;
  return (
    <ul class="warnings">
      {warnings.map((warning) => (
        <li key={warning}>{warning}</li>
      ))}
    </ul>
  );
}

function Blocking(): VNode {
  const [ip, setIp] = useState('');
  const [minutes, setMinutes] = useState('60');
  const command = async (seconds: number, done: string): Promise<void> => {
    if (await attempt(post('ctrl/add_ip_blacklist', { ip, duration_sec: seconds }), done)) setIp('');
  };
  const onSubmit = (event: Event): void => {
    event.preventDefault();
    void command(Math.round(Number(minutes) * 60), `${ip} is blocked`);
  };
  return (
    <form class="stack" onSubmit={onSubmit}>
      <p>A blocked address is refused on every protocol. Blocks end with a restart of the server.</p>
      <div class="filters">
        <Field label="Address">
          <input required value={ip} onInput={(event) => setIp(event.currentTarget.value.trim())} />
        </Field>
        <Field label="Minutes">
          <input
            required
            type="number"
            min="1"
            max="52560000"
            value={minutes}
            onInput={(event) => setMinutes(event.currentTarget.value)}
          />
        </Field>
        <button type="submit">Block</button>
        <button type="button" disabled={ip === ''} onClick={() => void command(0, `${ip} is let in again`)}>
          Unblock
        </button>
      </div>
    </form>
  );
}
