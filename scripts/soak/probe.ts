/** Loaded into the server under soak and its threads (`--import`): on a signal each collects its garbage and tells what it holds. */
import { createHook } from 'node:async_hooks';
import { readdirSync, readlinkSync, renameSync, writeFileSync } from 'node:fs';
import { BroadcastChannel, isMainThread, threadName } from 'node:worker_threads';
import { type Held, PROBE_FILE, type ThreadHeld } from './held.ts';

type Message =
  /** A thread that has begun. */
  | { readonly kind: 'here'; readonly thread: string }
  | { readonly kind: 'look' }
  | { readonly kind: 'held'; readonly held: ThreadHeld };

/** Begin and end with each turn of the event loop, and say nothing. */
const FLEETING = new Set(['TickObject', 'Immediate', 'Microtask']);
/** A thread that does not answer has ended. Milliseconds. */
const ANSWER_MS = 2000;

const NAME = threadName === null || threadName === '' ? 'main' : threadName;

const file = process.env[PROBE_FILE];
const live = new Map<number, string>();
const hook = createHook({
  init: (id, type) => {
    if (!FLEETING.has(type)) live.set(id, type);
  },
  destroy: (id) => void live.delete(id),
  trackPromises: false,
});

if (file !== undefined) {
  const channel = new BroadcastChannel('millrace-soak');
  channel.unref();
  hook.enable();
  if (isMainThread) watchFrom(channel, file);
  else answerTo(channel);
}

function answerTo(channel: BroadcastChannel): void {
  channel.onmessage = ({ data }) => {
    if ((data as Message).kind === 'look') void look().then((held) => tell(channel, { kind: 'held', held }));
  };
  tell(channel, { kind: 'here', thread: NAME });
}

function watchFrom(channel: BroadcastChannel, path: string): void {
  const others = new Set<string>();
  const answers = new Map<string, ThreadHeld>();
  let onAnswer = (): void => {};
  channel.onmessage = ({ data }) => {
    const message = data as Message;
    if (message.kind === 'here') others.add(message.thread);
    if (message.kind === 'held') answers.set(message.held.thread, message.held);
    onAnswer();
  };
  process.on('SIGUSR2', async () => {
    answers.clear();
    const answered = Promise.withResolvers<void>();
    onAnswer = () => {
      if (answers.size >= others.size) answered.resolve();
    };
    tell(channel, { kind: 'look' });
    onAnswer();
    const timer = setTimeout(() => answered.resolve(), ANSWER_MS);
    await answered.promise;
    clearTimeout(timer);
    const main = await look();
    const threads = [main, ...[...answers.values()].sort((a, b) => a.thread.localeCompare(b.thread))];
    const held: Held = { threads, rss: process.memoryUsage.rss(), descriptors: descriptors() };
    writeFileSync(`${path}.new`, JSON.stringify(held));
    renameSync(`${path}.new`, path);
  });
}

function tell(channel: BroadcastChannel, message: Message): void {
  channel.postMessage(message);
}

async function look(): Promise<ThreadHeld> {
  // again and again: finalizers run between the turns, and what they free is free at the next
  for (let turn = 0; turn < 4; turn++) {
    globalThis.gc?.();
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const resources: Record<string, number> = {};
  for (const type of live.values()) resources[type] = (resources[type] ?? 0) + 1;
  return { thread: NAME, heapUsed, arrayBuffers, resources };
}

function descriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).replace(/:\[.*\]$/, '');
    } catch {
      // the one that lists them
      return [];
    }
  });
}
