/** The API's own document (OpenAPI 3.1) as entries to be read: endpoints, webhooks, and the shapes that they share. */
import { quoted } from './shell.ts';

/** As much of JSON Schema as the document has. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
}

interface Parameter {
  readonly name: string;
  readonly required: boolean;
  readonly description?: string;
  readonly schema: Schema;
  readonly example?: unknown;
}

interface Content {
  readonly schema: Schema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}
type Contents = Readonly<Record<string, Content>>;

interface Operation {
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Contents };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Contents }>>;
  readonly 'x-changes-something'?: boolean;
}
interface PathItem {
  readonly get?: Operation;
  readonly post?: Operation;
}

export interface Document {
  readonly info: { readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly security?: readonly object[];
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly webhooks: Readonly<Record<string, PathItem>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

/** A parameter, or a field of a body or an answer. */
export interface Field {
  /** Of a field within others: `listeners[].port`. */
  readonly name: string;
  readonly isRequired: boolean;
  readonly schema: Schema;
  readonly meaning: string;
}

/** What an answer looks like, by its status or code. */
interface Outcome {
  readonly code: string;
  readonly when: string;
}

export interface Entry {
  /** Its path, or its name. */
  readonly id: string;
  readonly tag: string;
  readonly methods: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly parameters: readonly Field[];
  /** What the fields are of: "Fields of data", "Fields of the body". */
  readonly fieldsTitle: string;
  readonly fields: readonly Field[];
  readonly outcomes: readonly Outcome[];
  /** A command for a shell; null where it is not called. */
  readonly command: string | null;
  /** JSON or text; null where there is none. */
  readonly example: string | null;
}

const SHAPES = 'Shapes';
const NAMED = '#/components/schemas/';

/** Groups in their order, each with its entries. */
export function groupsOf(document: Document, base: string): { name: string; about: string; entries: Entry[] }[] {
  const entries = [
    ...Object.entries(document.paths).map(([path, item]) => endpointEntry(path, item, document, base)),
    ...Object.entries(document.webhooks).map(([name, item]) => webhookEntry(name, item, document)),
    ...Object.entries(document.components.schemas).map(([name, schema]) => shapeEntry(name, schema)),
  ];
  const tags = [...document.tags, { name: SHAPES, description: 'Objects that several answers and bodies have.' }];
  return tags.map(({ name, description }) => ({
    ...{ name, about: description },
    entries: entries.filter(({ tag }) => tag === name),
  }));
}

/** The name of the shape that is referred to; null where the schema is written out. */
export function shapeOf({ $ref }: Schema): string | null {
  return $ref?.startsWith(NAMED) === true ? $ref.slice(NAMED.length) : null;
}

function endpointEntry(path: string, item: PathItem, document: Document, base: string): Entry {
  const operation = operationOf(item);
  const [type, content] = Object.entries(operation.responses['200']?.content ?? {})[0] ?? [];
  const shapes = operation.responses['200']?.content?.['application/json']?.schema.oneOf ?? [];
  const data = shapes.find(({ properties }) => properties?.['error_code']?.const === 0)?.properties?.['data'];
  const done = content?.examples?.['error_code_0']?.value ?? content?.example;
  const isText = type !== 'application/json';
  const statuses = Object.entries(operation.responses).filter(([status]) => status !== '200' || shapes.length === 0);
  return {
    ...entryOf(path, operation),
    methods: Object.keys(item).map((method) => method.toUpperCase()),
    parameters: parametersOf(item),
    ...partsOf('Fields of data', data, document),
    outcomes: [
      ...shapes.map(({ title = '', properties }) => ({ code: String(properties?.['error_code']?.const), when: title })),
      ...statuses.map(([status, { description }]) => ({ code: `HTTP ${status}`, when: description })),
    ],
    command: commandOf(path, item, document, base, type === 'text/event-stream'),
    example: done === undefined ? null : isText ? String(done) : JSON.stringify(done, null, 2),
  };
}

function webhookEntry(name: string, item: PathItem, document: Document): Entry {
  const operation = operationOf(item);
  const content = operation.requestBody?.content['application/json'];
  return {
    ...entryOf(name, operation),
    methods: ['POST'],
    parameters: (operation.parameters ?? []).map(parameterField),
    ...partsOf('Fields of the body', content?.schema, document),
    outcomes: Object.entries(operation.responses).map(([status, { description }]) => ({
      code: status === 'default' ? 'any other answer' : `HTTP ${status}`,
      when: description,
    })),
    command: null,
    example: content?.example === undefined ? null : JSON.stringify(content.example, null, 2),
  };
}

function shapeEntry(name: string, schema: Schema): Entry {
  return {
    ...{ id: name, tag: SHAPES, methods: [], summary: schema.description ?? '', description: '' },
    ...{ parameters: [], fieldsTitle: 'Fields', fields: fieldsOf(schema), outcomes: [], command: null, example: null },
  };
}

function entryOf(id: string, { tags, summary, description = '' }: Operation) {
  return { id, tag: tags[0] ?? '', summary, description };
}

/** Both methods do the same. */
function operationOf({ get, post }: PathItem): Operation {
  const operation = get ?? post;
  if (operation === undefined) throw new Error('a path without GET and POST');
  return operation;
}

function parametersOf({ get, post }: PathItem): Field[] {
  if (get !== undefined) return (get.parameters ?? []).map(parameterField);
  return fieldsOf(post?.requestBody?.content['application/json']?.schema ?? {});
}

function parameterField({ name, required, description = '', schema }: Parameter): Field {
  return { name, isRequired: required, schema, meaning: description };
}

/** Fields of what may be a shape, whose name is in the title then. */
function partsOf(title: string, schema: Schema = {}, { components }: Document): Pick<Entry, 'fieldsTitle' | 'fields'> {
  const shape = shapeOf(schema);
  if (shape === null) return { fieldsTitle: title, fields: fieldsOf(schema) };
  return { fieldsTitle: `${title} (${shape})`, fields: fieldsOf(components.schemas[shape] ?? {}) };
}

/** Fields of an object; those of objects within after the field that holds them, but for shapes. */
function fieldsOf(schema: Schema, before = ''): Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => {
    const name = before === '' ? key : `${before}.${key}`;
    const isRequired = schema.required?.includes(key) ?? false;
    const own = { name, isRequired, schema: inner, meaning: inner.description ?? '' };
    if (inner.properties !== undefined) return [own, ...fieldsOf(inner, name)];
    return inner.items?.properties === undefined ? [own] : [own, ...fieldsOf(inner.items, `${name}[]`)];
  });
}

/** With the example of the document; what changes something by POST, the rest by GET. */
function commandOf(path: string, item: PathItem, document: Document, base: string, isStream: boolean): string {
  const { get, post } = item;
  const url = new URL(path.slice(1), base);
  const isOpen = document.security === undefined || operationOf(item).security?.length === 0;
  const options = [...(isStream ? ['-N'] : []), ...(isOpen ? [] : [`-H ${quoted('Authorization: Bearer TOKEN')}`])];
  if (get !== undefined && get['x-changes-something'] !== true) {
    for (const { name, example } of get.parameters ?? []) {
      if (example !== undefined) url.searchParams.set(name, String(example));
    }
  } else {
    const example = post?.requestBody?.content['application/json']?.example;
    options.push(example === undefined ? '-X POST' : `-d ${quoted(JSON.stringify(example))}`);
  }
  return ['curl', ...options, quoted(url.href)].join(' ');
}
