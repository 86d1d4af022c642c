/** Which view the address names, behind its `#`. */
import { Store } from './store.ts';

export type Route =
  | { readonly view: 'streams' }
  | { readonly view: 'stream'; readonly name: string }
  | { readonly view: 'events' | 'records'; readonly stream: string }
  | { readonly view: 'server' }
  /** `entry`: an endpoint, a webhook or a shape by its name; empty: none in particular. */
  | { readonly view: 'api'; readonly entry: string };

export const route = new Store<Route>(readRoute());

window.addEventListener('hashchange', () => route.set(readRoute()));

/** The address of a view, for links. */
export function href(to: Route): string {
  if (to.view === 'stream') return `#/stream/${encodeURIComponent(to.name)}`;
  if (to.view === 'streams') return '#/';
  if (to.view === 'server') return '#/server';
  if (to.view === 'api') return to.entry === '' ? '#/api' : `#/api/${encodeURIComponent(to.entry)}`;
  return to.stream === '' ? `#/${to.view}` : `#/${to.view}/${encodeURIComponent(to.stream)}`;
}

export function goTo(to: Route): void {
  location.hash = href(to);
}

function readRoute(): Route {
  const [, view = '', rest = ''] = /^#\/([a-z]*)\/?(.*)$/s.exec(location.hash) ?? [];
  const name = decoded(rest);
  if (view === 'stream' && name !== '') return { view, name };
  if (view === 'events' || view === 'records') return { view, stream: name };
  if (view === 'api') return { view, entry: name };
  return view === 'server' ? { view } : { view: 'streams' };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
