/**
 * Hooks onto a stream: counts its frames, and saves its pictures as an elementary stream that ffplay can show.
 *
 *     node examples/save-frames.ts [RTMP_PORT [FILE.h264]]
 *     ffmpeg -re -i FILE -c copy -f flv rtmp://127.0.0.1:1935/live/test
 */
import { createWriteStream } from 'node:fs';
import { createServer, splitNalUnits } from 'millrace';

const [port = '1935', file = 'test.h264'] = process.argv.slice(2);
const START_CODE = Buffer.from([0, 0, 0, 1]);
/** What waits for a slow disk at most; the rest is left out up to a key frame. Bytes. */
const MAX_WAITING = 16 * 1024 * 1024;

const server = createServer({ config: { rtmp: { enable: true, addr: `127.0.0.1:${port}` } } });
await server.start();

const output = createWriteStream(file);
const counts = { video: 0, audio: 0, data: 0 };
let parameterSets: readonly Buffer[] = [];
let isWriting = false;
const hooked = await server.addHook('test', {
  onTracks: ({ video }) => {
    parameterSets = video?.codec === 'H264' ? [...video.sps, ...video.pps] : [];
  },
  onFrame: (frame) => {
    counts[frame.kind]++;
    if (frame.kind !== 'video' || frame.codec !== 'H264') return;
    if (output.writableLength > MAX_WAITING) isWriting = false;
    else if (frame.key) isWriting = true;
    if (!isWriting) return;
    for (const unit of [...(frame.key ? parameterSets : []), ...splitNalUnits(frame.data)]) {
      output.write(Buffer.concat([START_CODE, unit]));
    }
  },
  onPublicationEnd: () => console.log(`saved ${counts.video} pictures, heard ${counts.audio} frames of sound`),
});
if (!hooked.ok) throw new Error(hooked.reason);

const stop = async (): Promise<void> => {
  await server.stop();
  output.end();
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
console.log(`publish to rtmp://127.0.0.1:${server.port('rtmp')}/live/test`);
