/** `millrace receive`: takes callbacks, shows each, and checks signatures; for trying things out. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { parseArgs } from 'node:util';
import { Webhook } from 'standardwebhooks';
import { listen } from '../net/index.ts';
import { portArgument, type Terminal, untilEnded } from './command.ts';
import { eventText, type SignatureCheck } from './event-text.ts';

export const RECEIVE_HELP = `millrace receive: takes callbacks of HTTP Notify, and shows them

  millrace receive --port PORT [--host HOST] [--secret whsec_…]…

  --port PORT     where it listens; 0: any free port
  --host HOST     at this address (default: 127.0.0.1)
  --secret SECRET checks signatures with this one of millrace.notify.signing_secrets; may be given more than once.
                  MILLRACE_SECRET in the environment does the same, and is seen by nobody else on the machine

  Events with a wrong signature, or none, are answered 401, all others 200.
`;

/** on_update of a large server is the largest body. Bytes. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
/** Events of which it is known that they came before. */
const MAX_SEEN = 10_000;

/** Runs until it is ended. Resolves to the exit code; rejects with an Error where it cannot run. */
export async function receive(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string' },
      host: { type: 'string', default: '127.0.0.1' },
      secret: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    terminal.out(RECEIVE_HELP.trimEnd());
    return 0;
  }
  const port = portArgument('--port', values.port);
  const { MILLRACE_SECRET: fromEnvironment = '' } = process.env;
  const secrets = [...values.secret, ...(fromEnvironment === '' ? [] : [fromEnvironment])];
  const receiver = new Receiver(secrets.map(webhook), terminal);
  const server = createServer((request, response) => receiver.take(request, response));
  const bound = await listen(server, { host: values.host, port });
  const base = `http://${values.host.includes(':') ? `[${values.host}]` : values.host}:${bound.port}`;
  terminal.out(`listening; set http_notify.on_pub_start to ${base}/on_pub_start, and the other events likewise`);
  await untilEnded(terminal);
  bound.close();
  server.closeAllConnections();
  return 0;
}

function webhook(secret: string, index: number): Webhook {
  try {
    return new Webhook(secret);
  } catch {
    throw new Error(`secret ${index + 1} is not base64 (with or without "whsec_" before it)`);
  }
}

class Receiver {
  readonly #webhooks: readonly Webhook[];
  readonly #terminal: Terminal;
  readonly #seen = new Set<string>();

  constructor(webhooks: readonly Webhook[], terminal: Terminal) {
    this.#webhooks = webhooks;
    this.#terminal = terminal;
  }

  take(request: IncomingMessage, response: ServerResponse): void {
    const pieces: Buffer[] = [];
    let bytes = 0;
    request.on('data', (piece: Buffer) => {
      bytes += piece.length;
      if (bytes <= MAX_BODY_BYTES) pieces.push(piece);
    });
    request.on('error', () => {});
    request.on('end', () => {
      if (bytes > MAX_BODY_BYTES) {
        this.#terminal.error(`a body of ${bytes} bytes was refused; allowed are ${MAX_BODY_BYTES}`);
        response.writeHead(413).end();
      } else response.writeHead(this.#show(request, Buffer.concat(pieces).toString())).end();
    });
  }

  /** @returns the status to answer with */
  #show({ url = '', headers }: IncomingMessage, body: string): number {
    const event = url.replace(/\?.*$/s, '').split('/').at(-1) ?? '';
    const signature = this.#check(headers, body);
    const isAgain = this.#hasSeen(headers['webhook-id']);
    this.#terminal.out(
      eventText({ event, headers, body, signature, isAgain, unixMs: Date.now() }, this.#terminal.hasColors),
    );
    return signature.kind === 'right' || signature.kind === 'unchecked' ? 200 : 401;
  }

  #check(headers: IncomingMessage['headers'], body: string): SignatureCheck {
    if (this.#webhooks.length === 0) return { kind: 'unchecked' };
    if (headers['webhook-signature'] === undefined) return { kind: 'missing' };
    let why = '';
    for (const each of this.#webhooks) {
      try {
        each.verify(body, headers as Record<string, string>);
        return { kind: 'right' };
      } catch (error) {
        why = error instanceof Error ? error.message : String(error);
      }
    }
    return { kind: 'wrong', why };
  }

  #hasSeen(id: string | string[] | undefined): boolean {
    if (typeof id !== 'string') return false;
    const isAgain = this.#seen.has(id);
    this.#seen.add(id);
    const [oldest] = this.#seen;
    if (this.#seen.size > MAX_SEEN && oldest !== undefined) this.#seen.delete(oldest);
    return isAgain;
  }
}
