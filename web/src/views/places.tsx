/** Where a stream is published to and played from, to be copied. */
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { visible } from '../model/format.ts';
import type { ServerInfo } from '../model/types.ts';
import { type Place, playCommands, playPlaces, publishPlaces } from '../model/urls.ts';
import { Field } from '../ui/fields.tsx';
import { CopyButton } from '../ui/small.tsx';

interface PlacesProps {
  readonly info: ServerInfo;
  readonly app: string;
  readonly name: string;
}

/** The stream's name can be changed here. */
export function PublishPlaces({ info, app, name }: PlacesProps): VNode {
  const [path, setPath] = useState(`${app}/${name}`);
  const [query, setQuery] = useState('');
  const cut = path.lastIndexOf('/');
  const stream = { app: path.slice(0, Math.max(0, cut)), name: path.slice(cut + 1), query };
  return (
    <>
      <div class="filters">
        <Field label="App and stream">
          <input value={path} onInput={(event) => setPath(event.currentTarget.value)} />
        </Field>
        <QueryField isNeeded={info.features.publish_secret} query={query} onQuery={setQuery} />
      </div>
      <PlaceList places={publishPlaces(info, stream)} />
    </>
  );
}

interface PlayPlacesProps extends PlacesProps {
  readonly query: string;
}

export function PlayPlaces({ info, app, name, query }: PlayPlacesProps): VNode {
  const stream = { app, name, query };
  return <PlaceList places={[...playPlaces(info, stream), ...playCommands(info, stream)]} />;
}

interface QueryFieldProps {
  readonly isNeeded: boolean;
  readonly query: string;
  readonly onQuery: (query: string) => void;
}

/** What stands behind the `?` of an address. */
export function QueryField({ isNeeded, query, onQuery }: QueryFieldProps): VNode {
  return (
    <Field label={isNeeded ? 'Secret or token (this server asks for one)' : 'URL parameters'}>
      <input
        value={query}
        placeholder="lal_secret=… or token=…"
        autocomplete="off"
        onInput={(event) => onQuery(event.currentTarget.value.replace(/^\?/, ''))}
      />
    </Field>
  );
}

function PlaceList({ places }: { places: readonly Place[] }): VNode {
  if (places.length === 0) return <p class="empty">No listener for it is open.</p>;
  return (
    <dl class="places">
      {places.map(({ label, text }) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>
            <code>{visible(text)}</code>
            <CopyButton text={text} what={label} />
          </dd>
        </div>
      ))}
    </dl>
  );
}
