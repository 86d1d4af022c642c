/** From the start of the process until every listener is bound. */
import { startMillrace } from '../millrace.ts';
import type { Bench } from './measurement.ts';

const STARTS = 5;

export async function measureStart({ workshop, add }: Bench): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const server = await startMillrace(workshop);
    times.push(server.startMs);
    await server.stop();
  }
  const median = times.sort((a, b) => a - b)[Math.floor(STARTS / 2)] ?? 0;
  const absolute = `${median.toFixed(0)} ms, median of ${STARTS}`;
  add({ what: 'start to listening', ratio: null, absolute, values: { times } });
}
