/** The paths of the API's document that are no endpoints of the table: streams of events, texts, and the document itself. */
import { EXAMPLES } from './openapi-examples.ts';
import { head, jsonContent, PLAIN_REFUSALS, queryParameter, refusalSchema } from './openapi-parts.ts';
import type { JsonObject, Property, Schemas } from './openapi-schemas.ts';
import { STREAM_PATH, streamParams } from './stream-endpoint.ts';

export const OPENAPI_PATH = '/api/openapi.json';

/** Nothing of it needs a token, whatever the others need. */
const OPEN = { security: [] };

const STREAM_DESCRIPTION = `Server-sent events for as long as the connection lasts. Each has its \`seq\` as \`id\` and an
\`Event\` as \`data\`. What is in the store comes first, then it goes on live: nothing is left out and nothing comes twice.
A comment comes every 15 seconds. A reader that does not follow is closed and may come back with Last-Event-ID.`;

/** Path items by path. `unauthorized`: what is answered to who has no token. */
export function plainPaths(schemas: Schemas, unauthorized: JsonObject): JsonObject {
  return {
    [STREAM_PATH]: streamItem(schemas, unauthorized),
    [OPENAPI_PATH]: {
      get: {
        ...head('GET', OPENAPI_PATH, 'Server', 'tells what the API is: this document'),
        ...OPEN,
        responses: {
          '200': { description: 'The document.', content: { 'application/json': { schema: { type: 'object' } } } },
        },
      },
    },
    '/metrics': {
      get: {
        ...head('GET', '/metrics', 'Operation', 'tells all numbers in Prometheus’ text format'),
        responses: {
          '200': textResponse('The numbers.', '/metrics'),
          '500': textResponse('The numbers could not be told.'),
          ...unauthorized,
        },
      },
    },
    '/healthz': {
      get: {
        ...head('GET', '/healthz', 'Operation', 'answers for as long as the process lives'),
        ...OPEN,
        responses: { '200': textResponse('It lives.', '/healthz') },
      },
    },
    '/readyz': {
      get: {
        ...head('GET', '/readyz', 'Operation', 'tells whether new sessions are taken'),
        ...OPEN,
        responses: {
          '200': textResponse('They are; the text has what an operator should know.', '/readyz'),
          '503': textResponse('They are not; the text says why.'),
        },
      },
    },
  };
}

function streamItem(schemas: Schemas, unauthorized: JsonObject): JsonObject {
  const properties = schemas.properties(streamParams);
  const parameters = properties.map((each) => (each.name === 'Last-Event-ID' ? header(each) : queryParameter(each)));
  const refusals = (['paramMissing', 'noRoom', 'failed'] as const).map((name) =>
    refusalSchema(name, PLAIN_REFUSALS, schemas),
  );
  const content = { 'text/event-stream': text(STREAM_PATH), ...jsonContent(refusals) };
  const responses = { '200': { description: 'The stream, or why there is none.', content }, ...unauthorized };
  const heading = (method: string): JsonObject =>
    head(method, STREAM_PATH, 'Callbacks', 'tells of events as they are recorded', STREAM_DESCRIPTION);
  const body = { content: { 'application/json': { schema: schemas.question(streamParams) } } };
  return {
    get: { ...heading('GET'), parameters, responses },
    post: { ...heading('POST'), requestBody: body, responses },
  };
}

function header({ name, meaning, schema }: Property): JsonObject {
  return { name, in: 'header', required: false, ...(meaning === null ? {} : { description: meaning }), schema };
}

/** @param path what has an example of it */
function textResponse(description: string, path = ''): JsonObject {
  return { description, content: { 'text/plain': text(path) } };
}

function text(path: string): JsonObject {
  const example = EXAMPLES[path]?.answers[0];
  return { schema: { type: 'string' }, ...(example === undefined ? {} : { example }) };
}
