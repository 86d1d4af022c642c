/** The frame around the views: what is shown, how one gets there, and signing in. */
import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { get, isSignedIn, reasonOf, signOut, wantsToken } from './model/api.ts';
import { href, type Route, route } from './model/route.ts';
import { useStore } from './model/store.ts';
import { streams, watchStreams } from './model/streams.ts';
import { nextTheme, theme } from './model/theme.ts';
import type { ServerInfo } from './model/types.ts';
import { DialogPlace } from './ui/dialog.tsx';
import { Toasts } from './ui/small.tsx';
import { ApiView } from './views/api.tsx';
import { EventsView } from './views/events.tsx';
import { RecordsView } from './views/records.tsx';
import { ServerView } from './views/server.tsx';
import { SignIn } from './views/sign-in.tsx';
import { StreamView } from './views/stream.tsx';
import { StreamsView } from './views/streams.tsx';

const PLACES: readonly (readonly [string, Route])[] = [
  ['Streams', { view: 'streams' }],
  ['Events', { view: 'events', stream: '' }],
  ['Records', { view: 'records', stream: '' }],
  ['Server', { view: 'server' }],
  ['API', { view: 'api', entry: '' }],
];
const THEME_NAMES = { auto: 'automatic', light: 'light', dark: 'dark' };
/** Between two tries to reach the server. Milliseconds. */
const RETRY_MS = 3000;

export function App(): VNode {
  const isClosed = useStore(wantsToken);
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to content
      </button>
      {isClosed ? <SignIn /> : <Console />}
      <DialogPlace />
      <Toasts />
    </>
  );
}

function Console(): VNode {
  const [info, setInfo] = useState<ServerInfo | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    let timer: number | undefined;
    let isOver = false;
    const ask = async (): Promise<void> => {
      try {
        setInfo((await get<ServerInfo>('server/info')).data);
      } catch (error) {
        // the answer that ends this view is among those that come here
        if (isOver) return;
        setProblem(reasonOf(error));
        timer = window.setTimeout(ask, RETRY_MS);
      }
    };
    void ask();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, []);
  useEffect(() => (info === null ? undefined : watchStreams()), [info]);
  const current = useStore(route);
  return (
    <>
      <TopBar current={current} />
      <main id="main" tabIndex={-1}>
        {info === null ? (
          <p class="empty">{problem ?? 'Asking the server …'}</p>
        ) : (
          <View current={current} info={info} />
        )}
      </main>
    </>
  );
}

function View({ current, info }: { current: Route; info: ServerInfo }): VNode {
  const hasMoved = useRef(false);
  // within the page of the API it is the entry that is gone to
  const address = current.view === 'api' ? current.view : href(current);
  // who goes to another view goes on from its heading
  useEffect(() => {
    const heading = document.querySelector('h1');
    document.title = `${heading?.textContent ?? ''} · Millrace`;
    if (hasMoved.current) heading?.focus();
    hasMoved.current = true;
  }, [address]);
  if (current.view === 'stream') return <StreamView key={current.name} name={current.name} info={info} />;
  if (current.view === 'events') return <EventsView key={current.stream} stream={current.stream} info={info} />;
  if (current.view === 'records') return <RecordsView key={current.stream} stream={current.stream} />;
  if (current.view === 'api') return <ApiView entry={current.entry} />;
  return current.view === 'server' ? <ServerView info={info} /> : <StreamsView info={info} />;
}

function TopBar({ current }: { current: Route }): VNode {
  const { problem } = useStore(streams);
  const themeName = THEME_NAMES[useStore(theme)];
  const isHere = (to: Route): boolean =>
    to.view === current.view || (to.view === 'streams' && current.view === 'stream');
  return (
    <header class="top">
      <a class="logo" href="#/">
        Millrace
      </a>
      <nav aria-label="Views">
        {PLACES.map(([title, to]) => (
          <a key={title} href={href(to)} aria-current={isHere(to) ? 'page' : undefined}>
            {title}
          </a>
        ))}
      </nav>
      <div class="actions">
        <button type="button" class="small quiet" onClick={nextTheme}>
          Theme: {themeName}
        </button>
        {isSignedIn() ? (
          <button type="button" class="small quiet" onClick={signOut}>
            Sign out
          </button>
        ) : null}
      </div>
      {problem === null ? null : (
        <p class="banner" role="alert">
          No news: {problem}. Trying again.
        </p>
      )}
    </header>
  );
}
