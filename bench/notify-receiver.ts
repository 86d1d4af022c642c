/** The receiver of bench/notify.ts, in a thread of its own: answers each callback with 200, and keeps how old it was. */
import { createServer, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

/** What the thread is given. */
export interface ReceiverOptions {
  /** 0: any. */
  readonly port: number;
  /** Takes connections and bytes, and never answers. */
  readonly hangs: boolean;
}

/** What the thread says; it is asked by any message for what it has taken. */
export type ReceiverMessage =
  | { readonly kind: 'listening'; readonly port: number }
  /** What came since the last time: each callback's age when it was here, ms. */
  | { readonly kind: 'taken'; readonly ages: Float64Array };

const ANSWER = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
const HEAD_END = Buffer.from('\r\n\r\n');
/** The sender's clock at the moment of the event, in the body's `url_param`. */
const AGE_MARK = Buffer.from('"at=');

const { port, hangs } = workerData as ReceiverOptions;
let ages: number[] = [];

const server = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on('error', () => {});
  if (hangs) {
    socket.resume();
    return;
  }
  let bytes: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    for (let size = take(socket, bytes); size > 0; size = take(socket, bytes)) bytes = bytes.subarray(size);
  });
});
server.listen(port, '127.0.0.1', () => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the receiver does not listen');
  send({ kind: 'listening', port: address.port });
});
parentPort?.on('message', () => {
  send({ kind: 'taken', ages: Float64Array.from(ages) });
  ages = [];
});

/** Answers the first request; gives its size, 0 where it is not complete. */
function take(socket: Socket, bytes: Buffer): number {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd === -1) return 0;
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(bytes.toString('latin1', 0, headEnd))?.[1] ?? 0);
  const size = headEnd + HEAD_END.length + length;
  if (bytes.length < size) return 0;
  const mark = bytes.indexOf(AGE_MARK, headEnd);
  if (mark !== -1 && mark < size) {
    const at = Number.parseFloat(bytes.toString('latin1', mark + AGE_MARK.length, mark + AGE_MARK.length + 20));
    ages.push(performance.timeOrigin + performance.now() - at);
  }
  socket.write(ANSWER);
  return size;
}

function send(message: ReceiverMessage): void {
  parentPort?.postMessage(message);
}
