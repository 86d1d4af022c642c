/** Test helper: the API's document as tests read it, and what holds real messages against its schemas. */
import assert from 'node:assert/strict';
import { registerSchema, type SchemaObject, validate } from '@hyperjump/json-schema/openapi-3-1';

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly security?: readonly object[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Content>> }>>;
}
interface Content {
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}
type PathItem = Readonly<Record<string, Operation>>;

export interface Document {
  readonly tags: readonly { readonly name: string }[];
  readonly security?: readonly object[];
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly webhooks: Readonly<Record<string, PathItem>>;
}

/** Every operation of these path items. */
export function operationsOf(items: Document['paths']) {
  return Object.entries(items).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );
}

/** Fails where the document is no OpenAPI 3.1. */
export async function assertValid(document: Document): Promise<void> {
  const output = await validate('https://spec.openapis.org/oas/3.1/schema-base', plain(document), 'BASIC');
  assert.deepEqual(output, { valid: true });
}

let documents = 0;

/** What fails where a value is not what the schema says, or has fields that it does not name; the schema is named by its place. */
export function createChecker(document: Document): (place: readonly string[], value: unknown) => Promise<void> {
  const base = `https://millrace.test/${++documents}.json`;
  registerSchema({ ...closed(plain(document)), $schema: 'https://spec.openapis.org/oas/3.1/dialect/base' }, base);
  return async (place, value) => {
    const pointer = place.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
    const output = await validate(`${base}#${encodeURI(pointer)}`, plain(value), 'BASIC');
    assert.deepEqual(output, { valid: true }, `${pointer}: ${JSON.stringify(value)}`);
  };
}

/** Where the schema of an operation's answer in JSON stands. */
export function answerPlace(path: string, method: string, status = '200'): readonly string[] {
  return ['paths', path, method, 'responses', status, 'content', 'application/json', 'schema'];
}

function plain(value: unknown): SchemaObject {
  return JSON.parse(JSON.stringify(value)) as SchemaObject;
}

/** The document lets later versions add fields; the server of this version has none that it does not name. */
function closed(value: SchemaObject): SchemaObject {
  const text = JSON.stringify(value, (_key, part: unknown) => {
    const isShape = typeof part === 'object' && part !== null && 'properties' in part && 'type' in part;
    return isShape ? { additionalProperties: false, ...part } : part;
  });
  return JSON.parse(text) as SchemaObject;
}
