/** RTSP over WebSocket: one binary frame for each message and packet, play only. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { RtspReader, type RtspResponse } from '../../wire/rtsp/index.ts';
import { RtspWebSocketServer } from './index.ts';
import { aac, publishFrames, servers, tracksOf, videoTrack } from './server.fixture.ts';

const { undo, start } = servers();

test('a dialog of frames', async () => {
  const at = await start();
  const server = new RtspWebSocketServer({ ...at.options, address: { host: '127.0.0.1', port: 0 } }, at.deps);
  const { port } = await server.start();
  undo.push(() => server.stop());
  const { picture } = await publishFrames(at.registry, tracksOf(videoTrack, aac));

  const plain = await fetch(`http://127.0.0.1:${port}/any`);
  assert.equal(plain.status, 426);

  const webSocket = new WebSocket(`ws://127.0.0.1:${port}/live/s`, 'rtsp');
  undo.push(() => webSocket.terminate());
  await once(webSocket, 'open');
  assert.equal(webSocket.protocol, 'rtsp');
  const packets: Buffer[] = [];
  const responses: RtspResponse[] = [];
  webSocket.on('message', (data: Buffer, isBinary) => {
    assert.ok(isBinary);
    const reader = new RtspReader();
    reader.push(data);
    const message = reader.next();
    assert.ok(message !== null && reader.length === 0, 'each frame is one message or one packet');
    if (message.kind === 'interleaved') packets.push(message.payload);
    else if (message.kind === 'response') responses.push(message);
    webSocket.emit('heard');
  });
  const url = `rtsp://127.0.0.1:${port}/live/s`;
  const ask = async (method: string, target = url, fields = ''): Promise<RtspResponse> => {
    const before = responses.length;
    webSocket.send(`${method} ${target} RTSP/1.0\r\nCSeq: ${before + 1}\r\n${fields}\r\n`);
    for (;;) {
      const answer = responses[before];
      if (answer !== undefined) return answer;
      await once(webSocket, 'heard');
    }
  };
  assert.doesNotMatch((await ask('OPTIONS')).headers.get('Public') ?? '', /ANNOUNCE|RECORD/);
  assert.equal((await ask('ANNOUNCE')).status, 405);
  assert.equal((await ask('DESCRIBE')).status, 200);
  assert.equal((await ask('SETUP', `${url}/trackID=0`, 'Transport: RTP/AVP;unicast;client_port=4-5\r\n')).status, 461);
  assert.equal((await ask('SETUP', `${url}/trackID=0`, 'Transport: RTP/AVP/TCP;interleaved=0-1\r\n')).status, 200);
  const playing = ask('PLAY');
  const timer = setInterval(() => picture(0, true), 10);
  undo.push(() => clearInterval(timer));
  assert.match((await playing).headers.get('RTP-Info') ?? '', /seq=/);
  while (packets.length < 5) await once(webSocket, 'heard');
  clearInterval(timer);
  webSocket.close();
  await once(webSocket, 'close');
  while (!at.story().includes('stop RTSPSUB1 in=true out=false peer closed')) await new Promise(setImmediate);
});
