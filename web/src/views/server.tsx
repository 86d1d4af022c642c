/** The server itself: which it is, where it listens, what its configuration lacks, and blocked addresses. */
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { get, post } from '../model/api.ts';
import { wholeSeconds } from '../model/format.ts';
import { attempt } from '../model/toasts.ts';
import type { LalInfo, Listener, ServerInfo } from '../model/types.ts';
import { Field, Panel } from '../ui/small.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { PublishPlaces } from './places.tsx';

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
          <Panel title="Blocked addresses">
            <Blocking />
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
  useEffect(() => {
    get<LalInfo>('stat/lal_info').then(
      ({ data }) => setAbout(data),
      () => undefined,
    );
  }, []);
  const rows: readonly (readonly [string, string])[] = [
    ['Server', about?.server_id ?? ''],
    ['Program', about?.bin_info ?? ''],
    ['Running since', wholeSeconds(about?.start_time ?? '')],
    ['Speaks', `lalserver ${about?.lal_version ?? ''}, API ${about?.api_version ?? ''}`],
    ['HTTP Notify', about?.notify_version ?? ''],
  ];
  return (
    <dl class="facts">
      {rows.map(([title, text]) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
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
