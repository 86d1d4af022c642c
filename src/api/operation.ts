/** What operators' tools ask at the API's port: metrics, whether the process lives, and whether it serves. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Log } from '../streams/index.ts';

export interface OperationDeps {
  /** All metrics, in Prometheus' text format. */
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>;
  /** Whether new sessions are taken, and one line about it. */
  readiness(): { readonly isReady: boolean; readonly text: string };
}

/** These tell nothing that is secret, and are asked by what knows no token. */
export const HEALTH_PATHS: ReadonlySet<string> = new Set(['/healthz', '/readyz']);

const TEXT = 'text/plain; charset=utf-8';

/** Answers `/metrics`, `/healthz` and `/readyz`, with statuses as such tools want them rather than in the API's envelope. */
export function addOperation(app: FastifyInstance, operation: OperationDeps, serverName: string, log: Log): void {
  const say = (reply: FastifyReply, status: number, contentType: string, text: string): FastifyReply =>
    reply
      .code(status)
      .headers({ 'Content-Type': contentType, 'Cache-Control': 'no-store', Server: serverName })
      .send(Buffer.from(text));
  app.get('/healthz', (_request, reply) => say(reply, 200, TEXT, 'ok\n'));
  app.get('/readyz', (_request, reply) => {
    const { isReady, text } = operation.readiness();
    return say(reply, isReady ? 200 : 503, TEXT, `${text}\n`);
  });
  app.get('/metrics', async (_request, reply) => {
    try {
      const { contentType, text } = await operation.metrics();
      return say(reply, 200, contentType, text);
    } catch (error) {
      log.error({ error }, 'the metrics could not be told');
      return say(reply, 500, TEXT, 'internal error\n');
    }
  });
}
