/** A whole publishing connection as encoders send it, in every cut: handshake, commands, media, end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { amfEcmaArray, amfObject, serializeAmf0 } from '../../containers/flv/index.ts';
import { everySplit } from '../../media/every-split.fixture.ts';
import { ChunkReader } from './chunk-reader.ts';
import { ChunkWriter, chunkMessage } from './chunk-writer.ts';
import { command } from './commands/answers.ts';
import { ServerHandshake } from './handshake.ts';
import type { RtmpMessage } from './messages/message.ts';
import { parseMessage } from './messages/message.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const META = serializeAmf0('onMetaData', amfEcmaArray({ width: 1280, height: 720, encoder: 'obs-output' }));

/** The bytes that the publisher sends, in the forms that ffmpeg and OBS use, and what they mean. */
function publisher(): { bytes: Buffer; messages: RtmpMessage[] } {
  const writer = new ChunkWriter();
  const messages: RtmpMessage[] = [];
  const parts: Buffer[] = [Buffer.from([3]), Buffer.alloc(1536, 0), Buffer.alloc(1536, 0)];
  const send = (message: RtmpMessage, bytes: Buffer = writer.write(message)): void => {
    messages.push(message);
    parts.push(bytes);
  };
  send(
    command(
      0,
      'connect',
      1,
      amfObject({ app: 'live', type: 'nonprivate', tcUrl: 'rtmp://127.0.0.1:1935/live'.repeat(5) }),
    ),
  );
  send({ type: 'window-acknowledgement-size', size: 2_500_000 });
  send({ type: 'set-chunk-size', size: 60 });
  send(command(0, 'releaseStream', 2, null, 'stream'));
  send(command(0, 'FCPublish', 3, null, 'stream'));
  send(command(0, 'createStream', 4, null));
  send(command(1, 'publish', 5, null, 'stream', 'live'));
  send({ type: 'data', streamId: 1, timestamp: 0, setDataFrame: true, payload: META });
  const video = (timestamp: number, payload: Buffer): RtmpMessage => ({
    type: 'video',
    streamId: 1,
    timestamp,
    payload,
  });
  const audio = (timestamp: number, payload: Buffer): RtmpMessage => ({
    type: 'audio',
    streamId: 1,
    timestamp,
    payload,
  });
  send(video(0, hex('1700000000 0164001f')));
  send(audio(0, hex('af00 1210')));
  const key = Buffer.alloc(150, 0x17);
  // An audio message between two chunks of a video message, as encoders with two threads send it.
  const chunks = chunkMessage(6, 9, 1, 40, Buffer.alloc(0), key, 60);
  messages.push(audio(23, hex('af01 21')), video(40, key));
  parts.push(chunks.subarray(0, 72), hex('44 000017 000003 08 af01 21'), chunks.subarray(72));
  // Shortened headers: same length and type, then also the same delta.
  send(audio(46, hex('af01 22')), hex('84 000017 af01 22'));
  send(audio(69, hex('af01 23')), hex('c4 af01 23'));
  send({ type: 'user-control', event: 'ping-response', timestamp: 7 });
  send(video(0x1000000, hex('2701 000000')));
  send(audio(0xffffffff, hex('af01 24')));
  send(audio(22, hex('af01 25')), hex('84 000017 af01 25'));
  send(command(0, 'FCUnpublish', 6, null, 'stream'));
  send(command(0, 'deleteStream', 7, null, 1));
  return { bytes: Buffer.concat(parts), messages };
}

test('a publishing session means the same in every cut', () => {
  const { bytes, messages } = publisher();
  const read = everySplit(bytes, (pieces) => {
    const handshake = new ServerHandshake((size) => Buffer.alloc(size));
    const reader = new ChunkReader();
    const out: RtmpMessage[] = [];
    let done = false;
    for (const piece of pieces) {
      if (done) {
        reader.push(piece);
      } else {
        const step = handshake.push(piece);
        done = step.done;
        reader.push(step.rest);
      }
      for (let raw = reader.next(); raw !== null; raw = reader.next()) out.push(parseMessage(raw));
    }
    return out;
  });
  assert.deepEqual(read, messages);
});
