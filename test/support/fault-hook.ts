/** Loaded into a server before its own files (`--import`): does to it, at a test's word, what no peer and no signal can. */
import { readFileSync } from 'node:fs';
import { BroadcastChannel, isMainThread, threadName } from 'node:worker_threads';

/** What is to happen; all threads are told, and each looks whether it is meant. */
export type Fault =
  /** The clock of the wall is so much ahead from now on, in every thread. Milliseconds. */
  | { readonly kind: 'clock'; readonly aheadMs: number }
  /** An error that nothing catches. `thread`: `main`, or a worker's name. */
  | { readonly kind: 'throw'; readonly thread: string; readonly message: string }
  /** All memory that the thread may have is used up. */
  | { readonly kind: 'memory'; readonly thread: string };

/** Names the file that the fault is in. */
export const FAULT_FILE = 'MILLRACE_TEST_FAULT';
/** How far the clock is ahead, for threads that begin later. */
const AHEAD = 'MILLRACE_TEST_CLOCK_AHEAD';

const RealDate = Date;
let aheadMs = Number(process.env[AHEAD] ?? 0);

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, type) => Reflect.construct(target, args.length === 0 ? [now()] : args, type),
  get: (target, key, self) => (key === 'now' ? now : Reflect.get(target, key, self)),
});

function now(): number {
  return RealDate.now() + aheadMs;
}

const channel = new BroadcastChannel('millrace-test-faults');
channel.unref();
channel.onmessage = ({ data }) => happen(data as Fault);

if (isMainThread) {
  process.on('SIGUSR2', () => {
    const fault = JSON.parse(readFileSync(process.env[FAULT_FILE] ?? '', 'utf8')) as Fault;
    channel.postMessage(fault);
    happen(fault);
  });
}

function happen(fault: Fault): void {
  if (fault.kind === 'clock') {
    aheadMs = fault.aheadMs;
    if (isMainThread) process.env[AHEAD] = String(aheadMs);
    return;
  }
  if (fault.thread !== (isMainThread ? 'main' : threadName)) return;
  // not from within the message's own handler, which has an end of its own for errors
  setImmediate(() => {
    if (fault.kind === 'throw') throw new Error(fault.message);
    const hoard: number[][] = [];
    for (;;) if (fault.kind === 'memory') hoard.push(new Array<number>(100_000).fill(hoard.length));
  });
}
