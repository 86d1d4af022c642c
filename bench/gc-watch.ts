/** Loaded into a server (`node --import`): writes each garbage-collection pause of each of its threads to GC_WATCH_FILE. */
import { appendFileSync } from 'node:fs';
import { PerformanceObserver, performance } from 'node:perf_hooks';

/** Pauses are written together, so that the writing is not itself what disturbs. Milliseconds. */
const WRITE_MS = 500;

const file = process.env['GC_WATCH_FILE'];
let pauses = '';

if (file !== undefined) {
  new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries()) {
      pauses += `${performance.timeOrigin + startTime} ${duration}\n`;
    }
  }).observe({ entryTypes: ['gc'] });
  setInterval(() => {
    if (pauses === '') return;
    appendFileSync(file, pauses);
    pauses = '';
  }, WRITE_MS).unref();
}
