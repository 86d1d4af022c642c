/** Tests of the way out: where connections may go, and that they go to the addresses that were looked at. */
import assert from 'node:assert/strict';
import type { LookupAddress } from 'node:dns';
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { request } from 'undici';
import { Outbound } from './connect.ts';
import { Resolver } from './resolver.ts';

/** Names as this test has them, with addresses that change from one question to the next. */
function resolver(names: Readonly<Record<string, readonly (readonly string[])[]>>): Resolver {
  const asked = new Map<string, number>();
  const lookup = async (name: string): Promise<LookupAddress[]> => {
    const turn = asked.get(name) ?? 0;
    asked.set(name, turn + 1);
    const answers = names[name] ?? [];
    const addresses = answers[Math.min(turn, answers.length - 1)];
    if (addresses === undefined) throw new Error(`getaddrinfo ENOTFOUND ${name}`);
    return addresses.map((address) => ({ address, family: net.isIP(address) }));
  };
  return new Resolver({ lookup, query: lookup, monotonicMs: () => 0 });
}

async function listening(t: TestContext): Promise<number> {
  const server = net.createServer((socket) => socket.on('error', () => {}).end('hello'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** `open`, or why not. */
function tryTo(outbound: Outbound, host: string, port: number, isTls = false): Promise<string> {
  return new Promise((resolve) => {
    const socket = outbound.connect({ host, port, isTls, verifyTls: false }, () => {
      resolve('open');
      socket.destroy();
    });
    socket.on('error', (error) => resolve(error.message));
  });
}

test('an empty list lets everything through', async (t) => {
  const port = await listening(t);
  const outbound = new Outbound({ allow: [] }, resolver({ here: [['127.0.0.1']] }));
  assert.equal(await tryTo(outbound, '127.0.0.1', port), 'open');
  assert.equal(await tryTo(outbound, 'here', port), 'open');
  assert.equal(await tryTo(outbound, 'nowhere', port), 'getaddrinfo ENOTFOUND nowhere');
});

test('addresses are let through by addresses, names by names or by what they resolve to', async (t) => {
  const port = await listening(t);
  const names = resolver({
    here: [['127.0.0.1']],
    // one address of two: the other is not even tried
    mixed: [['127.0.0.2', '127.0.0.1']],
    inside: [['10.0.0.1', '::1']],
  });
  const outbound = new Outbound({ allow: ['listed', '127.0.0.1'] }, names);
  for (const isTls of [false, true]) {
    assert.match(
      await tryTo(outbound, '127.0.0.2', port, isTls),
      /^not allowed to connect to 127\.0\.0\.2:\d+: millrace/,
    );
    assert.match(
      await tryTo(outbound, 'inside', port, isTls),
      /^not allowed to connect to inside:\d+ \(10\.0\.0\.1, ::1\): /,
    );
    assert.match(await tryTo(outbound, '::1', port, isTls), /^not allowed to connect to \[::1\]:/);
  }
  for (const host of ['127.0.0.1', 'here', 'mixed']) assert.equal(await tryTo(outbound, host, port), 'open', host);
  assert.equal(outbound.problem('listed', 1), null);
  assert.equal(outbound.problem('perhaps', 1), null);
  assert.match(new Outbound({ allow: ['listed'] }).problem('perhaps', 1) ?? '', /perhaps:1/);
});

test('other ways to write an address do not get past the list', async (t) => {
  const port = await listening(t);
  const outbound = new Outbound({ allow: ['192.0.2.0/24'] });
  for (const host of ['127.1', '2130706433', '0x7f000001', '0', 'localhost', '::ffff:127.0.0.1', '0.0.0.0', '::']) {
    assert.match(await tryTo(outbound, host, port), /^not allowed to connect to /, host);
  }
});

test('a name whose address changes after it was looked at: the connection goes to the one that was looked at', async (t) => {
  const port = await listening(t);
  const outbound = new Outbound({ allow: ['127.0.0.1'] }, resolver({ rebinds: [['127.0.0.1'], ['127.0.0.2']] }));
  assert.equal(await tryTo(outbound, 'rebinds', port), 'open');
  assert.match(await tryTo(outbound, 'rebinds', port), /\(127\.0\.0\.2\)/);
});

test('HTTP goes the same way; a redirection is an answer like any other', async (t) => {
  const server = http.createServer((_, response) => response.writeHead(302, { location: 'http://127.0.0.2/' }).end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const outbound = new Outbound({ allow: [`127.0.0.1:${port}`] }, resolver({ here: [['127.0.0.1']], out: [['::1']] }));
  const dispatcher = outbound.httpAgent({ connections: 2, connectTimeoutMs: 5000 });
  t.after(async () => {
    await dispatcher.destroy();
    server.close();
    server.closeAllConnections();
  });
  const status = async (host: string): Promise<unknown> => {
    try {
      const { statusCode, body } = await request(`http://${host}/`, { dispatcher });
      await body.dump();
      return statusCode;
    } catch (error) {
      return error instanceof Error ? error.message : error;
    }
  };
  assert.equal(await status(`127.0.0.1:${port}`), 302);
  assert.equal(await status(`here:${port}`), 302);
  for (const host of [`127.0.0.2:${port}`, `[::1]:${port}`, `out:${port}`, '127.0.0.1', 'here']) {
    assert.match(String(await status(host)), /^not allowed to connect to /, host);
  }
  outbound.update({ allow: [`127.0.0.2:${port}`] });
  assert.match(String(await status(`out:${port}`)), /^not allowed/);
});
