/** Players who are sent an endless HTTP answer, or the same over WebSocket: what HTTP-FLV and HTTP-TS have in common. */
import type { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { OutputFormat } from '../../media/index.ts';
import {
  CORS_HEADERS,
  closeGently,
  countBytes,
  type HttpRoute,
  overWebSocket,
  type PeerFaults,
  type PlayRequest,
  parseStreamPath,
  RETRY_AFTER,
  refuseRequest,
  remoteAddress,
} from '../../net/index.ts';
import {
  type Hub,
  isTemporary,
  type Log,
  type Peer,
  type Protocol,
  type SessionCounter,
  type SessionIdentity,
  type Subscription,
} from '../../streams/index.ts';

export interface ProgressiveDeps {
  readonly hub: Hub;
  readonly counter: SessionCounter;
  readonly log: Log;
  readonly faults: PeerFaults;
  /** Value of the header `Server`. */
  readonly serverName: string;
}

/** What tells one progressive format from the other. */
export interface ProgressiveKind {
  readonly protocol: Protocol;
  readonly format: OutputFormat;
  /** Path ending, e.g. `.flv`. */
  readonly extension: string;
  readonly contentType: string;
}

/** The route that plays streams in this format below `urlPattern`. */
export function progressiveRoute(kind: ProgressiveKind, urlPattern: string, deps: ProgressiveDeps): HttpRoute {
  const webSocketFormat = overWebSocket(kind.format);
  const head = responseHead(kind.contentType, deps.serverName);
  return {
    urlPattern,
    extension: kind.extension,
    contentType: kind.contentType,
    play: (request) => {
      open(kind, request, deps)
        .then((opened) => {
          if (opened === null) return;
          const { subscription, socket } = opened;
          if (request.upgrade === null) {
            socket.cork();
            socket.write(head);
            subscription.attach(kind.format, socket);
            socket.uncork();
          } else {
            request.upgrade((webSocket) => {
              opened.useWebSocket(webSocket);
              subscription.attach(webSocketFormat, socket);
            });
          }
        })
        .catch((error: unknown) => {
          deps.log.error({ url: request.url, error }, 'a fault of the server ended a player');
          request.socket.destroy();
        });
    },
  };
}

interface Opened {
  readonly subscription: Subscription;
  readonly socket: Socket;
  /** Ends by a close frame from now on. */
  useWebSocket(webSocket: WebSocket): void;
}

/** Asks the hub for a subscription and ties it to the socket's life; null where it was refused and answered. */
async function open(kind: ProgressiveKind, request: PlayRequest, deps: ProgressiveDeps): Promise<Opened | null> {
  const { socket } = request;
  const bytes = countBytes(socket);
  const path = parseStreamPath(request.path);
  if ('problem' in path) {
    tellRefused(deps, request, path.problem);
    refuse(socket, '400 Bad Request', path.problem, deps.serverName);
    return null;
  }
  let webSocket: WebSocket | null = null;
  const identity: SessionIdentity = {
    sessionId: `${kind.protocol}SUB${deps.counter.next(`${kind.protocol}SUB`)}`,
    protocol: kind.protocol,
    baseType: 'SUB',
    remoteAddr: remoteAddress(socket),
    url: request.url,
    ...path,
    urlParam: request.query,
  };
  const peer: Peer = {
    readBytes: bytes.read,
    wroteBytes: bytes.wrote,
    close: () => {
      webSocket?.close(1001, 'stream closed');
      closeGently(socket);
    },
  };
  let subscription: Subscription | null = null;
  socket.on('error', () => socket.destroy());
  socket.once('close', () => subscription?.close('peer closed'));
  const result = await deps.hub.subscribe(identity, peer);
  if (!result.ok) {
    tellRefused(deps, request, result.reason);
    if (isTemporary(result)) {
      refuse(socket, '503 Service Unavailable', result.reason, deps.serverName, [RETRY_AFTER]);
    } else refuse(socket, '403 Forbidden', result.reason, deps.serverName);
    return null;
  }
  subscription = result.subscription;
  if (socket.destroyed) {
    subscription.close('peer closed');
    return null;
  }
  return {
    subscription,
    socket,
    useWebSocket: (opened) => {
      webSocket = opened;
      opened.on('error', (error: NodeJS.ErrnoException) => {
        const reason = error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' ? 'limit' : 'malformed';
        deps.faults.tell('WebSocket', reason, { peer: identity.remoteAddr }, `WebSocket error: ${error.message}`);
        socket.destroy();
      });
    },
  };
}

function tellRefused({ faults }: ProgressiveDeps, { socket, url }: PlayRequest, reason: string): void {
  faults.tell('HTTP', 'refused', { peer: remoteAddress(socket), url }, `HTTP refused: ${reason}`);
}

/** The answer's head as the original sends it. */
function responseHead(contentType: string, serverName: string): Buffer {
  return Buffer.from(
    [
      'HTTP/1.1 200 OK',
      `Server: ${serverName}`,
      'Cache-Control: no-cache',
      `Content-Type: ${contentType}`,
      'Connection: close',
      'Expires: -1',
      'Pragma: no-cache',
      ...Object.entries(CORS_HEADERS).map(([name, value]) => `${name}: ${value}`),
      '\r\n',
    ].join('\r\n'),
  );
}

function refuse(
  socket: Socket,
  status: string,
  reason: string,
  serverName: string,
  more: readonly (readonly [name: string, value: string])[] = [],
): void {
  const headers = {
    ...{ Server: serverName, 'Content-Type': 'text/plain; charset=utf-8', ...CORS_HEADERS },
    ...Object.fromEntries(more),
  };
  refuseRequest(socket, status, headers, `${reason}\n`);
}
