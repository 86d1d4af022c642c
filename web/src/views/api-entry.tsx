/** One endpoint, webhook or shape of the API: a line, and behind it all that its document says. */
import type { ComponentChildren, VNode } from 'preact';
import { useState } from 'preact/hooks';
import { type Entry, type Field, type Schema, shapeOf } from '../model/openapi.ts';
import { href } from '../model/route.ts';
import { Chip, CopyButton, Facts } from '../ui/small.tsx';
import { type Column, Table } from '../ui/table.tsx';

export function ApiEntry({ entry }: { entry: Entry }): VNode {
  const [isOpen, setOpen] = useState(false);
  return (
    <li>
      <details id={`entry ${entry.id}`} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary>
          <span class="entry-name">{entry.id}</span>
          <span class="methods">
            {entry.methods.map((method) => (
              <Chip key={method} tone="quiet">
                {method}
              </Chip>
            ))}
          </span>
          <span class="about">{entry.summary}</span>
        </summary>
        {isOpen ? <EntryDetails entry={entry} /> : null}
      </details>
    </li>
  );
}

function EntryDetails({ entry }: { entry: Entry }): VNode {
  const { id, methods, description, parameters, fieldsTitle, fields, outcomes, command, example } = entry;
  const isWebhook = methods.length > 0 && command === null;
  return (
    <div class="details">
      {description === '' ? null : <Prose>{description}</Prose>}
      {parameters.length === 0 ? null : (
        <Part title={isWebhook ? 'Headers' : 'Parameters'}>
          <Fields caption={`Parameters of ${id}`} fields={parameters} use={isWebhook ? SENT : ASKED} />
        </Part>
      )}
      {command === null ? null : (
        <Part title="Example">
          <div class="command">
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
            <pre tabIndex={0}>{command}</pre>
            <CopyButton text={command} what={`the command for ${id}`} />
          </div>
        </Part>
      )}
      {example === null ? null : (
        <Part title={isWebhook ? 'A body' : 'Its answer'}>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
          <pre tabIndex={0}>{example}</pre>
        </Part>
      )}
      {fields.length === 0 ? null : (
        <Part title={fieldsTitle}>
          <Fields caption={`${fieldsTitle} of ${id}`} fields={fields} />
        </Part>
      )}
      {outcomes.length === 0 ? null : (
        <Part title={isWebhook ? 'What you answer' : 'error_code'}>
          <Facts facts={outcomes.map(({ code, when }) => [code, when])} />
        </Part>
      )}
    </div>
  );
}

function Part({ title, children }: { title: string; children: ComponentChildren }): VNode {
  return (
    <>
      <h3>{title}</h3>
      {children}
    </>
  );
}

interface FieldsProps {
  readonly caption: string;
  readonly fields: readonly Field[];
  /** Whether each must be there; absent: all are. */
  readonly use?: Column<Field>;
}

/** What a caller sends. */
const ASKED: Column<Field> = {
  title: 'Default',
  cell: ({ isRequired, schema }) => {
    if (isRequired) return <span class="strong">required</span>;
    return schema.default === undefined || schema.default === '' ? '–' : <code>{JSON.stringify(schema.default)}</code>;
  },
};

/** What the server sends. */
const SENT: Column<Field> = { title: 'Sent', cell: ({ isRequired }) => (isRequired ? 'always' : 'at times') };

function Fields({ caption, fields, use }: FieldsProps): VNode {
  const columns: readonly Column<Field>[] = [
    { title: 'Name', cell: ({ name }) => <code>{name}</code> },
    { title: 'Type', cell: ({ schema }) => <Type schema={schema} /> },
    ...(use === undefined ? [] : [use]),
    { title: 'Meaning', cell: ({ meaning }) => meaning },
  ];
  return <Table caption={caption} columns={columns} rows={fields} keyOf={({ name }) => name} empty="None." />;
}

function Type({ schema }: { schema: Schema }): VNode {
  const shape = shapeOf(schema);
  if (shape !== null) return <a href={href({ view: 'api', entry: shape })}>{shape}</a>;
  if (schema.items !== undefined) {
    return (
      <>
        list of <Type schema={schema.items} />
      </>
    );
  }
  return <>{typeText(schema)}</>;
}

function typeText({ type = '', enum: words, anyOf, properties, minimum, maximum }: Schema): string {
  if (words !== undefined) return words.map((word) => JSON.stringify(word)).join(', ');
  if (anyOf !== undefined) return anyOf.map(typeText).join(' or ');
  if (properties !== undefined) return 'objects';
  const name = typeof type === 'string' ? type : type.join(' or ');
  if (maximum !== undefined) return `${name}, ${minimum ?? ''} to ${maximum}`;
  return minimum === undefined || minimum === 0 ? name : `${name} from ${minimum}`;
}

/** Paragraphs with `words as they are`. */
export function Prose({ children }: { children: string }): VNode {
  return (
    <div class="prose">
      {children.split('\n\n').map((paragraph) => (
        <p key={paragraph}>
          {paragraph.split('`').map((part, i) => (i % 2 === 1 ? <code key={part}>{part}</code> : part))}
        </p>
      ))}
    </div>
  );
}
