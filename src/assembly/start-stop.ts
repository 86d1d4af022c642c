/** Starting ports, and stopping parts within a time. */
import type { Notifier } from '../notify/index.ts';
import type { Log } from '../streams/index.ts';
import type { Port } from '../threads/index.ts';

/** The number at which it listens now; null where it does not. */
export async function startPort(port: Port, log: Log): Promise<number | null> {
  try {
    const bound = await port.start();
    log.info({ listener: port.name, host: bound.host ?? port.host ?? '::', port: bound.port }, 'listening');
    return bound.port;
  } catch (error) {
    const reason = `${port.key}: ${error instanceof Error ? error.message : String(error)}`;
    if (port.required) throw new Error(reason);
    log.error({ listener: port.name }, `${reason}; the rest of the server goes on`);
    return null;
  }
}

/** Waits for `promise`, but no longer than `ms`. */
export async function within(promise: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}

export async function stopNotifier(notifier: Notifier, deadlineMs: number, log: Log): Promise<void> {
  const { undelivered, isKept } = await notifier.stop(deadlineMs);
  if (undelivered === 0) return;
  if (isKept)
    log.warn({ undelivered }, 'events were not delivered before the server stopped; they go out at its next start');
  else log.error({ undelivered }, 'events were not delivered before the server stopped, and are lost');
}
