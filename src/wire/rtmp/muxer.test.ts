/** The format of RTMP players, read back by the chunk reader. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audioConfigTagBody, buildMetadata, videoConfigTagBody } from '../../containers/flv/index.ts';
import type { AudioFrame, Tracks, VideoFrame } from '../../media/index.ts';
import { NO_TRACKS } from '../../media/index.ts';
import { ChunkReader } from './chunk-reader.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { MEDIA_STREAM_ID, OUT_CHUNK_SIZE, rtmpFormats } from './muxer.ts';

const rtmpFormat = rtmpFormats['codec-id-12'];

import type { RawMessage } from './raw-message.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const H264 = {
  kind: 'video',
  codec: 'H264',
  sps: [hex('6764001facd9405005bb011000000300100000030320f1831960')],
  pps: [hex('68ebecb22c')],
  width: 1280,
  height: 720,
} as const;
const AAC = { kind: 'audio', codec: 'AAC', config: hex('1210'), sampleRate: 44100, channels: 2 } as const;
const TRACKS: Tracks = { video: H264, audio: AAC, metadata: null };
const video = (dts: number, data: Buffer, key = false): VideoFrame => ({
  kind: 'video',
  codec: 'H264',
  dts,
  pts: dts + 80,
  key,
  data,
});
const audio = (dts: number, data: Buffer): AudioFrame => ({ kind: 'audio', codec: 'AAC', dts, pts: dts, data });

function read(...parts: Buffer[]): RawMessage[] {
  const reader = new ChunkReader();
  reader.push(Buffer.concat([new ChunkWriter().write({ type: 'set-chunk-size', size: OUT_CHUNK_SIZE }), ...parts]));
  const messages: RawMessage[] = [];
  for (let message = reader.next(); message !== null; message = reader.next()) messages.push(message);
  return messages.slice(1);
}

test('a newcomer gets metadata and sequence headers at the time of the last frame, metadata at 0', () => {
  const muxer = rtmpFormat.createMuxer(TRACKS);
  assert.deepEqual(rtmpFormat.preamble(TRACKS).length, 0);
  const opening = (timestamp: number): RawMessage[] => [
    { typeId: 18, streamId: MEDIA_STREAM_ID, timestamp: 0, payload: buildMetadata(TRACKS, 'codec-id-12') },
    { typeId: 9, streamId: MEDIA_STREAM_ID, timestamp, payload: videoConfigTagBody(H264) },
    { typeId: 8, streamId: MEDIA_STREAM_ID, timestamp, payload: audioConfigTagBody(AAC) },
  ];
  assert.deepEqual(read(muxer.header()), opening(0));
  muxer.write(video(1234.4, hex('00000001 65'), true));
  assert.deepEqual(read(muxer.header()), opening(1234));
});

test('before any track there is nothing to say; then what is new is said once', () => {
  const muxer = rtmpFormat.createMuxer(NO_TRACKS);
  assert.equal(muxer.header().length, 0);
  assert.deepEqual(
    read(muxer.setTracks(TRACKS)).map((message) => message.typeId),
    [18, 9, 8],
  );
  assert.equal(muxer.setTracks({ ...TRACKS }).length, 0);
  const metadata = hex('02000a 6f6e4d65746144617461 05');
  assert.deepEqual(
    read(muxer.setTracks({ ...TRACKS, metadata })).map((message) => message.payload),
    [metadata],
  );
});

test('frames are messages whose bodies are those of FLV tags', () => {
  const muxer = rtmpFormat.createMuxer(TRACKS);
  const big = Buffer.alloc(20_000, 7);
  big.writeUInt32BE(big.length - 4, 0);
  const messages = read(
    muxer.write(video(40, big, true)),
    muxer.write(audio(41.6, hex('2120'))),
    muxer.write(video(80, hex('00000001 41'))),
    muxer.write({ kind: 'data', dts: 90, pts: 90, data: hex('020001 61') }),
  );
  assert.deepEqual(messages, [
    { typeId: 9, streamId: 1, timestamp: 40, payload: Buffer.concat([hex('17 01 000050'), big]) },
    { typeId: 8, streamId: 1, timestamp: 42, payload: hex('af 01 2120') },
    { typeId: 9, streamId: 1, timestamp: 80, payload: hex('27 01 000050 00000001 41') },
    { typeId: 18, streamId: 1, timestamp: 90, payload: hex('020001 61') },
  ]);
});

test('every message begins with a type 0 header on the chunk stream of its kind', () => {
  const muxer = rtmpFormat.createMuxer(TRACKS);
  for (const dts of [0, 40]) {
    assert.equal(muxer.write(video(dts, hex('00000001 41')))[0], 6);
    assert.equal(muxer.write(audio(dts, hex('21')))[0], 4);
    assert.equal(muxer.write({ kind: 'data', dts, pts: dts, data: hex('020001 61') })[0], 5);
  }
});

test('H265 has codec id 12; times over 2^32 and below 0 are taken mod 2^32', () => {
  const muxer = rtmpFormat.createMuxer(NO_TRACKS);
  const frame: VideoFrame = { ...video(0, hex('00000002 2601'), true), codec: 'H265' };
  const times = [2 ** 32 + 5.2, -3, 0xffffff, 0xfffffe].map((dts) => read(muxer.write({ ...frame, dts, pts: dts }))[0]);
  assert.deepEqual(times[0]?.payload, hex('1c 01 000000 00000002 2601'));
  assert.deepEqual(
    times.map((message) => message?.timestamp),
    [5, 0xfffffffd, 0xffffff, 0xfffffe],
  );
});

test('what no message can hold is left out', () => {
  const muxer = rtmpFormat.createMuxer(TRACKS);
  assert.equal(muxer.write(video(40, Buffer.alloc(0xffffff))).length, 0);
  assert.equal(rtmpFormat.carries('H265'), true);
  assert.equal(rtmpFormat.carries('AV1'), false);
});
