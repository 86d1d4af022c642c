/** What players cost other servers: the same stream, the same publisher, the same players, next to the same floor. */
import { PLAYED, publish } from '../load.ts';
import { FORMATS, type MediaServer, startMillrace } from '../millrace.ts';
import { installNodeMediaServer, startNginxRtmp, startNodeMediaServer } from '../other-servers.ts';
import type { Bench } from './measurement.ts';
import { NextToFloor } from './next-to-floor.ts';

/** Others serve these. */
const COMPARED = FORMATS.filter((format) => format === 'RTMP' || format === 'HTTP-FLV');

export async function compareServers(bench: Bench): Promise<void> {
  const { workshop, options, note } = bench;
  if (options.installsNodeMediaServer) installNodeMediaServer();
  const table = new NextToFloor(bench);
  const measureServer = async (server: MediaServer): Promise<void> => {
    const publisher = await publish(workshop, PLAYED, server.publishUrl('bench'));
    const urls = server.playUrls('bench');
    for (const format of COMPARED) {
      const url = urls[format];
      if (url !== undefined) await table.measure(`${server.name}, ${format}`, server, url);
    }
    await publisher.stop();
    await server.stop();
  };
  await table.measureFloor();
  await measureServer(await startMillrace(workshop));
  const nginx = await startNginxRtmp(workshop);
  if (nginx === null) note('nginx-rtmp: not installed (Debian: nginx-light and libnginx-mod-rtmp)');
  else await measureServer(nginx);
  const nodeMediaServer = await startNodeMediaServer(workshop);
  if (nodeMediaServer === null) note('node-media-server: not installed (--install-node-media-server)');
  else await measureServer(nodeMediaServer);
  await table.measureFloor();
  table.report();
}
