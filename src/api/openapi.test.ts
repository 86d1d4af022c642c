/** Tests of the API's document: it is valid, names every route of the server, and its examples are what it says. */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type TestContext, test } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { bench } from './api-bench.fixture.ts';
import { answerPlace, assertValid, createChecker, type Document, operationsOf } from './openapi.fixture.ts';
import { openApi } from './openapi.ts';
import { EXAMPLES, WEBHOOK_EXAMPLES } from './openapi-examples.ts';

const document = (hasToken = false) => JSON.parse(JSON.stringify(openApi({ version: '1.2.3', hasToken }))) as Document;

/** Every route of the server, whatever added it: `GET /api/stat/group`. */
async function routesOf(t: TestContext): Promise<string[]> {
  const routes: string[] = [];
  const watch = (message: unknown): void => {
    const { fastify } = message as { fastify: FastifyInstance };
    fastify.addHook('onRoute', ({ method, url }) => {
      routes.push(...[method].flat().map((each) => `${each} ${url}`));
    });
  };
  subscribe('fastify.initialization', watch);
  await bench(t);
  unsubscribe('fastify.initialization', watch);
  return routes.filter((route) => !/^(HEAD|OPTIONS) /.test(route));
}

for (const hasToken of [false, true]) {
  test(`the document is valid OpenAPI 3.1, ${hasToken ? 'with a token' : 'without a token'}`, () =>
    assertValid(document(hasToken)));
}

test('every route of the server is in the document, and nothing else', async (t) => {
  const routes = await routesOf(t);
  const documented = operationsOf(document().paths).map(({ path, method }) => `${method.toUpperCase()} ${path}`);
  assert.ok(routes.length > 30, `${routes.length} routes`);
  assert.deepEqual(documented.sort(), routes.sort());
});

test('operations have names of their own, groups that are declared, and parameters once', () => {
  const { paths, webhooks, tags } = document();
  const all = operationsOf({ ...paths, ...webhooks });
  const ids = all.map(({ operation }) => operation.operationId);
  assert.equal(new Set(ids).size, ids.length);
  const declared = new Set(tags.map(({ name }) => name));
  for (const { path, operation } of all) {
    assert.ok(operation.summary !== '' && operation.tags.length === 1, path);
    assert.ok(
      operation.tags.every((tag) => declared.has(tag)),
      path,
    );
    const names = (operation.parameters ?? []).map((each) => `${each.in} ${each.name}`);
    assert.equal(new Set(names).size, names.length, path);
  }
});

test('with a token, all but the document and the health checks say so, and 401', () => {
  const guarded = document(true);
  for (const { path, method, operation } of operationsOf(guarded.paths)) {
    const isOpen = ['/healthz', '/readyz', '/api/openapi.json'].includes(path);
    assert.equal(operation.security?.length, isOpen ? 0 : undefined, `${method} ${path}`);
    assert.equal('401' in operation.responses, !isOpen, `${method} ${path}`);
  }
  assert.equal(guarded.security?.length, 2);
  assert.equal(document().security, undefined);
});

test('every endpoint and webhook has an example, which has one of the shapes that are said', async () => {
  const it = document();
  const check = createChecker(it);
  for (const { path, method, operation } of operationsOf(it.paths)) {
    const content = operation.responses['200']?.content ?? {};
    if (path === '/api/openapi.json') continue;
    const [first] = EXAMPLES[path]?.answers ?? [];
    assert.ok(first !== undefined, `${path} has no example`);
    const { examples = {} } = content['application/json'] ?? {};
    for (const { value } of Object.values(examples)) await check(answerPlace(path, method), value);
  }
  for (const event of Object.keys(it.webhooks)) {
    const example = WEBHOOK_EXAMPLES[event];
    assert.ok(example !== undefined, `${event} has no example`);
    const schema = ['webhooks', event, 'post', 'requestBody', 'content', 'application/json', 'schema'];
    await check(schema, JSON.parse(example));
  }
});

test('it is answered as it is, to everybody, and tells of the token that is demanded now', async (t) => {
  const { ask } = await bench(t, {}, {}, 'sesame');
  const { status, headers, body } = await ask('GET', '/api/openapi.json');
  assert.equal(status, 200);
  assert.equal(headers['content-type'], 'application/json');
  assert.equal(headers['access-control-allow-origin'], '*');
  assert.deepEqual(JSON.parse(body), document(true));
});
