/** What the commands of the command line have in common. */

/** Where a command writes, and what ends it. */
export interface Terminal {
  /** Whole lines, without their line break. */
  out(line: string): void;
  error(line: string): void;
  readonly hasColors: boolean;
  /** Aborted by Ctrl-C and the like. */
  readonly signal: AbortSignal;
}

/** The process's own. */
export function processTerminal(): Terminal {
  const ended = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => ended.abort());
  return {
    out: (line) => void process.stdout.write(`${line}\n`),
    error: (line) => void process.stderr.write(`${line}\n`),
    hasColors: process.stdout.isTTY && process.stdout.hasColors(),
    signal: ended.signal,
  };
}

/** A port as an argument gives it; throws an Error that says what is wrong. */
export function portArgument(name: string, text: string | undefined): number {
  const port = text === undefined || !/^\d{1,5}$/.test(text) ? Number.NaN : Number(text);
  if (port >= 0 && port <= 65_535) return port;
  throw new Error(
    `${name}: found ${text === undefined ? 'nothing' : JSON.stringify(text)}, allowed: a port, 0 for any`,
  );
}

/** Resolves when the command is to end. */
export function untilEnded({ signal }: Terminal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
