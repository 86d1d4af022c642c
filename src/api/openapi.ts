/** `/api/openapi.json`: the whole API as an OpenAPI 3.1 document, made of the table of endpoints and the schemas that check requests. */
import type { RefusalName } from './answer.ts';
import type { Endpoint } from './endpoint.ts';
import { ENDPOINTS } from './endpoints.ts';
import { EXAMPLES } from './openapi-examples.ts';
import { doneSchema, head, jsonContent, PLAIN_REFUSALS, queryParameter, refusalSchema, TAGS } from './openapi-parts.ts';
import { plainPaths } from './openapi-plain.ts';
import { type JsonObject, Schemas } from './openapi-schemas.ts';
import { webhooks } from './openapi-webhooks.ts';

export interface OpenApiOptions {
  /** The server's, e.g. `0.1.0`. */
  readonly version: string;
  /** Whether callers must bring a token. */
  readonly hasToken: boolean;
}

const DESCRIPTION = `Statistics and control of a Millrace server.

Parameters stand in the query or in a JSON body, whatever its content type; where a field is in both, the body's counts.
Numbers may be sent as strings of digits. GET and POST of a path do the same.

Every answer of an endpoint is HTTP 200 with \`error_code\`, \`desp\` and, where there is something to say, \`data\`: look at
\`error_code\`, not at the HTTP status. A path that is no endpoint is answered with \`error_code\` 404.`;

/** The group of endpoints whose paths begin so. */
const TAGS_BY_PREFIX: readonly (readonly [string, keyof typeof TAGS])[] = [
  ['/api/stat/', 'Statistics'],
  ['/api/ctrl/', 'Control'],
  ['/api/record/', 'Records'],
  ['/api/notify/', 'Callbacks'],
];

const SECURITY_SCHEMES = {
  bearer: { type: 'http', scheme: 'bearer', description: 'As configured in millrace.api.token.' },
  parameter: { type: 'apiKey', in: 'query', name: 'token', description: 'For readers that can set no header.' },
} as const;

/** The document. */
export function openApi({ version, hasToken }: OpenApiOptions): object {
  const schemas = new Schemas();
  const unauthorized = hasToken ? { '401': unauthorizedResponse(schemas) } : {};
  const paths = ENDPOINTS.map((each) => [each.path, pathItem(each, schemas, unauthorized)]);
  return {
    openapi: '3.1.1',
    info: {
      title: 'Millrace',
      version,
      summary: 'The HTTP API of the Millrace live streaming server.',
      description: DESCRIPTION,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    ...(hasToken ? { security: [{ bearer: [] }, { parameter: [] }] } : {}),
    paths: { ...Object.fromEntries(paths), ...plainPaths(schemas, unauthorized) },
    webhooks: webhooks(schemas),
    components: { schemas: schemas.components, ...(hasToken ? { securitySchemes: SECURITY_SCHEMES } : {}) },
  };
}

function unauthorizedResponse(schemas: Schemas): JsonObject {
  const shape = refusalSchema('unauthorized', PLAIN_REFUSALS, schemas);
  return { description: 'The token is missing or wrong.', content: jsonContent([shape]) };
}

function pathItem(endpoint: Endpoint, schemas: Schemas, unauthorized: JsonObject): JsonObject {
  const { path, methods, isControl, summary, description } = endpoint;
  const [, tag = 'Server'] = TAGS_BY_PREFIX.find(([prefix]) => path.startsWith(prefix)) ?? [];
  const content = answerContent(endpoint, schemas);
  const responses = { '200': { description: 'What was asked for, or why it was not done.', content }, ...unauthorized };
  const operations = methods.map((method) => {
    const question = method === 'GET' ? inQuery(endpoint, schemas) : inBody(endpoint, schemas);
    const operation = { ...head(method, path, tag, summary, description), ...question, responses };
    return [method.toLowerCase(), isControl ? { ...operation, 'x-changes-something': true } : operation];
  });
  return Object.fromEntries(operations);
}

function inQuery({ path, params }: Endpoint, schemas: Schemas): JsonObject {
  const properties = schemas.properties(params);
  if (properties.length === 0) return {};
  const example = EXAMPLES[path]?.request ?? {};
  return { parameters: properties.map((property) => queryParameter(property, example[property.name])) };
}

function inBody({ path, params }: Endpoint, schemas: Schemas): JsonObject {
  const properties = schemas.properties(params);
  if (properties.length === 0) return {};
  const { request: example = {} } = EXAMPLES[path] ?? {};
  return {
    requestBody: {
      required: properties.some(({ isRequired }) => isRequired),
      content: { 'application/json': { schema: schemas.question(params), example } },
    },
  };
}

function answerContent(endpoint: Endpoint, schemas: Schemas): JsonObject {
  const { path, data, refusals = [] } = endpoint;
  const names = new Set<RefusalName>([...refusals, 'paramMissing', 'failed']);
  const done = doneSchema(data === undefined ? null : schemas.answer(data));
  return jsonContent(
    [done, ...Array.from(names, (name) => refusalSchema(name, endpoint, schemas))],
    EXAMPLES[path]?.answers,
  );
}
