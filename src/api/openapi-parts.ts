/** What the operations of the API's document are made of: parameters, answers and refusals. */
import { type Answer, REFUSALS, type RefusalName } from './answer.ts';
import type { Endpoint } from './endpoint.ts';
import type { JsonObject, Property, Schemas } from './openapi-schemas.ts';

/** The groups of operations, each with what it is about. */
export const TAGS = {
  Statistics: 'What runs now.',
  Control: 'Sessions, pulls, cameras and blocked addresses.',
  Records: 'Recording streams into files.',
  Callbacks: 'What became of callbacks; sending them once more, and reading them here.',
  Server: 'The server itself.',
  Operation: 'For monitoring, supervisors and load balancers.',
  Webhooks: 'What the server asks and tells your system (HTTP Notify).',
} as const;
type Tag = keyof typeof TAGS;

/** What is said of each refusal. */
const WHEN: Readonly<Record<RefusalName, string>> = {
  unauthorized: 'the token is missing or wrong',
  onlyFromHere: 'no token is set, and the caller is on another machine, or a page of another site',
  pageNotFound: 'there is no such endpoint',
  groupNotFound: 'nobody publishes or plays such a stream now',
  paramMissing: 'a parameter is missing, empty or wrong, or the body is no JSON object, or larger than 1 MiB',
  unreadable: 'the request cannot be read',
  sessionNotFound: 'the stream has no such session, pull or record, perhaps no more',
  rtpPubRefused: 'not done, desp says why: the port cannot be had, or the stream has a publisher already',
  relayPullRefused: 'not done, desp says why: the URL cannot be used, or the stream has a publisher or a pull already',
  recordRefused: 'not done, desp says why: it is recorded in this format already, or its name cannot be a file’s',
  reloadRefused: 'not done, data.errors says why: the file cannot be read, or has errors',
  certificateRefused: 'done but for a certificate, of which data.errors says why it cannot be used',
  drainRefused: 'not done, desp says why: the server is starting, or stopping',
  noRoom: 'too many readers are there already, or the server is stopping',
  failed: 'a fault of the server; its log has the cause',
};
/** Those whose `desp` is the reason. */
const WITH_REASON: ReadonlySet<RefusalName> = new Set([
  'rtpPubRefused',
  'relayPullRefused',
  'recordRefused',
  'drainRefused',
]);

/** The head of an operation. */
export function head(method: string, path: string, tag: Tag, summary: string, description?: string): JsonObject {
  return {
    operationId: operationId(method, path),
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
  };
}

/** `getStatGroup` for GET /api/stat/group. */
function operationId(method: string, path: string): string {
  const words = path.split(/[/_.]/).filter((word) => word !== '' && word !== 'api');
  return method.toLowerCase() + words.map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`).join('');
}

/** A list is parted by commas. */
export function queryParameter({ name, isRequired, meaning, schema }: Property, example?: unknown): JsonObject {
  return {
    ...{ name, in: 'query', required: isRequired },
    ...(meaning === null ? {} : { description: meaning }),
    ...(schema['type'] === 'array' ? { style: 'form', explode: false } : {}),
    schema,
    ...(example === undefined ? {} : { example }),
  };
}

/** The envelope of what was done. */
export function doneSchema(data: JsonObject | null): JsonObject {
  return envelope('it was done', 0, { const: 'succ' }, data);
}

type Refusing = Pick<Endpoint, 'refuse' | 'refusalDetails' | 'isOurs'>;

/** What has no shape of refusals of its own. */
export const PLAIN_REFUSALS: Refusing = { isOurs: true, refuse: (refusal: Answer): Answer => refusal };

/** The envelope of a refusal, in the endpoint's shape. */
export function refusalSchema(name: RefusalName, refusing: Refusing, schemas: Schemas): JsonObject {
  const { error_code, desp, data } = refusing.refuse(REFUSALS[name]);
  const isFree = WITH_REASON.has(name) || (name === 'paramMissing' && refusing.isOurs === true);
  const details = refusing.refusalDetails?.[name];
  const fixed = data === undefined ? null : { const: data };
  return envelope(
    WHEN[name],
    error_code,
    isFree ? { type: 'string' } : { const: desp },
    details === undefined ? fixed : schemas.answer(details),
  );
}

function envelope(when: string, code: number, desp: JsonObject, data: JsonObject | null): JsonObject {
  return {
    type: 'object',
    title: when,
    properties: { error_code: { const: code }, desp, ...(data === null ? {} : { data }) },
    required: ['error_code', 'desp', ...(data === null ? [] : ['data'])],
  };
}

/** An answer that has one of these shapes. `answers` are examples, as they were on the wire. */
export function jsonContent(shapes: readonly JsonObject[], answers: readonly string[] = []): JsonObject {
  const examples = answers.map((text): [string, JsonObject] => {
    const value = JSON.parse(text) as Answer;
    return [`error_code_${value.error_code}`, { value }];
  });
  return {
    'application/json': {
      schema: shapes.length === 1 ? shapes[0] : { oneOf: shapes },
      ...(examples.length === 0 ? {} : { examples: Object.fromEntries(examples) }),
    },
  };
}
