/**
 * Publishes an FLV file from within this program, at the pace of its times, and ends with it.
 *
 *     node examples/publish-file.ts FILE.flv [RTMP_PORT]
 *     ffplay rtmp://127.0.0.1:1935/live/film
 */
import { createReadStream } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer, FlvDemuxer } from 'millrace';

const [file, port = '1935'] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: publish-file.ts FILE.flv [RTMP_PORT]');

const server = createServer({ config: { rtmp: { enable: true, addr: `127.0.0.1:${port}`, gop_num: 1 } } });
await server.start();
const added = await server.addPublisher({
  streamName: 'film',
  onClosed: (reason) => console.log(`publisher closed: ${reason}`),
});
if (!added.ok) throw new Error(added.reason);
const { publisher } = added;
console.log(`play rtmp://127.0.0.1:${server.port('rtmp')}/live/film`);

const demuxer = new FlvDemuxer();
let startedAt: number | null = null;
for await (const bytes of createReadStream(file)) {
  for (const event of demuxer.push(bytes)) {
    if (event.kind === 'tracks') publisher.setTracks(event.tracks);
    if (event.kind !== 'frame') continue;
    startedAt ??= performance.now() - event.frame.dts;
    await sleep(Math.max(0, startedAt + event.frame.dts - performance.now()));
    publisher.write(event.frame);
  }
}
publisher.close();
await server.stop();
