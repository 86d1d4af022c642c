/** Loaded into the server under soak: on a signal it collects its garbage and writes what it holds to a file. */
import { readdirSync, renameSync, writeFileSync } from 'node:fs';

/** Names the file. */
const FILE = process.env['MILLRACE_SOAK_PROBE'] ?? '';

process.on('SIGUSR2', () => {
  // twice: what the first one's finalizers free is free at the second
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  const descriptors = readdirSync('/proc/self/fd').length;
  writeFileSync(`${FILE}.new`, JSON.stringify({ heapUsed, arrayBuffers, rss, descriptors, resources }));
  renameSync(`${FILE}.new`, FILE);
});
