/** Test helper: HLS viewers of a siege's calm stream, who ask as fast as they like. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import { CALM, type Siege } from '../../support/siege.ts';
import type { Scope } from '../../support/temp-dir.ts';

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

interface ViewerOptions {
  /** Over how many connections is asked, which end with the scope; absent: one. */
  readonly connections?: number;
  /** This machine's address that they come from, 127.0.0.1 where nothing is said. */
  readonly localAddress?: string;
}

/** Begins a session of the calm stream. @returns what asks, and the query that names the session */
export async function watch({ server }: Siege, scope: Scope, options: ViewerOptions = {}) {
  const { connections = 1, localAddress = '127.0.0.1' } = options;
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  scope.after(() => agent.destroy());
  const ask = async (url: string): Promise<Answer> => {
    const request = http.request(url, { agent, localAddress }).end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const { statusCode: status = 0, headers } = response;
    return { status, headers, text: Buffer.concat(chunks).toString('latin1') };
  };
  const { headers } = await ask(server.url('http', `hls/${CALM}.m3u8`));
  const session = /session_id=([0-9a-f]{32})/.exec(headers.location ?? '');
  assert.ok(session, headers.location ?? 'no redirection');
  return { ask, query: session[0], hash: session[1] ?? '' };
}
