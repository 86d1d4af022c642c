/** The API as it is: every endpoint, webhook and shape of its document, to be searched and read. */
import type { VNode } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { documentUrl, fetchDocument, reasonOf } from '../model/api.ts';
import { type Document, type Entry, groupsOf } from '../model/openapi.ts';
import { SearchField } from '../ui/fields.tsx';
import { Panel } from '../ui/small.tsx';
import { ApiEntry, Prose } from './api-entry.tsx';

export function ApiView({ entry }: { entry: string }): VNode {
  const [document, setDocument] = useState<Document | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    fetchDocument<Document>().then(setDocument, (error: unknown) => setProblem(reasonOf(error)));
  }, []);
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>API</h1>
        <a class="button" href={documentUrl()} target="_blank" rel="noreferrer">
          openapi.json
        </a>
      </div>
      {problem === null ? null : <p class="problem">The API’s document cannot be read: {problem}.</p>}
      {document === null ? null : <Reference document={document} entry={entry} />}
    </>
  );
}

function Reference({ document, entry }: { document: Document; entry: string }): VNode {
  const [search, setSearch] = useState('');
  const groups = useMemo(() => groupsOf(document, window.document.baseURI.replace(/#.*/s, '')), [document]);
  /** What is to be gone to, once no search hides it. */
  const goal = useRef('');
  useEffect(() => {
    goal.current = entry;
    setSearch('');
  }, [entry]);
  useEffect(() => {
    if (search === '' && show(goal.current)) goal.current = '';
  });
  const words = search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const found = groups
    .map(({ entries, ...group }) => ({ ...group, entries: entries.filter((each) => isLike(each, words)) }))
    .filter(({ entries }) => entries.length > 0);
  return (
    <>
      <Panel title={`Millrace ${document.info.version}`}>
        <Prose>{document.info.description}</Prose>
        <SearchField value={search} placeholder="Endpoint, parameter, field or word" onInput={setSearch} />
      </Panel>
      {found.length === 0 ? <p class="empty">Nothing is like “{search}”.</p> : null}
      {found.map(({ name, about, entries }) => (
        <Panel key={name} title={name} aside={<small>{about}</small>}>
          <ul class="entries">
            {entries.map((each) => (
              <ApiEntry key={each.id} entry={each} />
            ))}
          </ul>
        </Panel>
      ))}
    </>
  );
}

/** Opens an entry and goes there. @returns whether it is there */
function show(id: string): boolean {
  const details = id === '' ? null : document.getElementById(`entry ${id}`);
  if (!(details instanceof HTMLDetailsElement)) return false;
  details.open = true;
  details.querySelector('summary')?.focus({ preventScroll: true });
  details.scrollIntoView({ block: 'start' });
  return true;
}

function isLike({ id, summary, parameters, fields }: Entry, words: readonly string[]): boolean {
  const names = [...parameters, ...fields].map(({ name }) => name);
  const text = [id, summary, ...names].join(' ').toLowerCase();
  return words.every((word) => text.includes(word));
}
