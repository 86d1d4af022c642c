/** The CPU that a player costs in each format, as a ratio to the least that is possible. */
import { PLAYED, publish } from '../load.ts';
import { FORMATS, type Format, startMillrace } from '../millrace.ts';
import type { Bench } from './measurement.ts';
import { NextToFloor } from './next-to-floor.ts';

/** The bound that is set to gathering by default. */
const DEFAULT_GATHER_MS = 45;

/** Aims by format: with the default gathering, and with none. */
const AIMS: Record<Format, { readonly gathered: number; readonly single: number | null }> = {
  'HTTP-FLV': { gathered: 0.5, single: 1.2 },
  RTMP: { gathered: 0.5, single: 1.2 },
  'HTTP-TS': { gathered: 0.6, single: null },
  'WebSocket-FLV': { gathered: 0.6, single: null },
  'RTSP over TCP': { gathered: 0.6, single: null },
};

export async function measureFormats(bench: Bench): Promise<void> {
  const { workshop } = bench;
  const table = new NextToFloor(bench);
  await table.measureFloor();
  for (const gatherMs of [DEFAULT_GATHER_MS, 0]) {
    await table.measureBareNode(gatherMs === 0 ? 'tag' : 'picture');
    const server = await startMillrace(workshop, { config: { millrace: { fanout: { gather_ms: gatherMs } } } });
    const publisher = await publish(workshop, PLAYED, server.publishUrl('bench'));
    const urls = server.playUrls('bench');
    for (const format of FORMATS) {
      const url = urls[format];
      const { gathered, single } = AIMS[format];
      if (url === undefined) bench.note(`${format}: not served by this version`);
      else if (gatherMs === 0) await table.measure(`${format}, \`gather_ms\` 0`, server, url, single);
      else await table.measure(format, server, url, gathered);
    }
    await publisher.stop();
    await server.stop();
    await table.measureFloor();
  }
  table.report();
}
