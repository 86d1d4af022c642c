/** What clients ask and servers answer: safe defaults, refusals, and both roles understanding each other. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AmfValue } from '../../../containers/flv/index.ts';
import { amfEcmaArray, amfObject, amfProperty, parseAmf0 } from '../../../containers/flv/index.ts';
import type { CommandMessage } from '../messages/command.ts';
import type { RtmpMessage } from '../messages/message.ts';
import { parseMessage, serializeMessage } from '../messages/message.ts';
import {
  command,
  connectResult,
  createStreamResult,
  errorResult,
  onBwDone,
  onFcPublish,
  onFcUnpublish,
  onStatus,
  result,
  rtmpSampleAccess,
} from './answers.ts';
import {
  connectRequest,
  createStreamRequest,
  deleteStreamRequest,
  parseCreateStreamResult,
  parseStatus,
  playRequest,
  publishRequest,
  streamNameRequest,
} from './client.ts';
import {
  knowsCodec,
  parseConnect,
  parseDeleteStream,
  parsePause,
  parsePlay,
  parsePublish,
  parseReceive,
  parseSeek,
  parseStreamName,
} from './requests.ts';

const call = (name: string, ...args: AmfValue[]): CommandMessage => command(1, name, 4, null, ...args);

/** Over the wire and back. */
function sent(message: CommandMessage): CommandMessage {
  const back: RtmpMessage = parseMessage(serializeMessage(message));
  assert.ok(back.type === 'command');
  return back;
}

test('connect, as a client sends it', () => {
  const object = amfObject({
    app: 'live',
    flashVer: 'FMLE/3.0 (compatible; FMSc/1.0)',
    swfUrl: 'http://h/a.swf',
    tcUrl: 'rtmp://h/live',
    pageUrl: 'http://h/',
    objectEncoding: 3,
    fourCcList: ['hvc1', 7, 'av01'],
  });
  assert.deepEqual(parseConnect(command(0, 'connect', 1, object)), {
    transactionId: 1,
    app: 'live',
    tcUrl: 'rtmp://h/live',
    flashVer: 'FMLE/3.0 (compatible; FMSc/1.0)',
    swfUrl: 'http://h/a.swf',
    pageUrl: 'http://h/',
    objectEncoding: 3,
    fourCcList: ['hvc1', 'av01'],
  });
});

test('connect without fields, or with fields of the wrong type, has safe values', () => {
  const empty = {
    transactionId: 1,
    app: '',
    tcUrl: '',
    flashVer: '',
    swfUrl: '',
    pageUrl: '',
    objectEncoding: 0,
    fourCcList: [],
  };
  const odd = amfEcmaArray({
    app: false,
    tcUrl: 5,
    flashVer: null,
    swfUrl: undefined,
    objectEncoding: '3',
    fourCcList: 'hvc1',
  });
  for (const object of [null, undefined, 'text', 7, [], amfObject({}), odd]) {
    assert.deepEqual(parseConnect(command(0, 'connect', 1, object)), empty);
  }
  const many = parseConnect(
    command(0, 'connect', 1, amfObject({ fourCcList: Array.from({ length: 1000 }, () => 'hvc1') })),
  );
  assert.equal(many.fourCcList.length, 64);
});

test('connect: codecs by what the client can do with each, as version 2 of enhanced RTMP has them', () => {
  for (const [map, knows] of [
    [{ hvc1: 1 }, true],
    [{ '*': 4 }, true],
    [{ av01: 7, hvc1: 2 }, false],
    [{ hvc1: '1' }, false],
    [{}, false],
  ] as const) {
    const object = amfObject({ app: 'live', videoFourCcInfoMap: amfObject(map) });
    assert.equal(knowsCodec(parseConnect(command(0, 'connect', 1, object)), 'hvc1'), knows);
  }
});

test('publish', () => {
  assert.deepEqual(parsePublish(call('publish', 'name?a=b', 'record')), {
    ok: true,
    value: { transactionId: 4, streamId: 1, streamName: 'name?a=b', publishType: 'record' },
  });
  for (const type of [undefined, 'live', 'odd', false, 7]) {
    const parsed = parsePublish(call('publish', 'name', type));
    assert.equal(parsed.ok && parsed.value.publishType, 'live');
  }
});

test('play', () => {
  const parsed = (...args: AmfValue[]) => {
    const play = parsePlay(call('play', ...args));
    assert.ok(play.ok);
    return [play.value.streamName, play.value.start, play.value.duration, play.value.reset];
  };
  assert.deepEqual(parsed('name'), ['name', -2, -1, true]);
  assert.deepEqual(parsed('name', 5, 10, false), ['name', 5, 10, false]);
  assert.deepEqual(parsed('name', -1000, Number.NaN, 0), ['name', -1000, -1, false]);
  assert.deepEqual(parsed('name', 'odd', null, 1), ['name', -2, -1, true]);
});

test('what is no stream name is refused, and named', () => {
  for (const [name, found] of [
    [false, /got the boolean false/],
    [undefined, /got nothing/],
    [null, /got null/],
    [7, /got the number 7/],
    ['', /got an empty string; the URL must be rtmp:\/\/HOST\/APP\/STREAM/],
    [amfObject({}), /got a value of type object/],
    [['name'], /got an array/],
  ] as const) {
    for (const parsed of [parsePublish(call('publish', name)), parsePlay(call('play', name))]) {
      assert.equal(parsed.ok, false);
      assert.match(parsed.ok ? '' : parsed.reason, found);
    }
  }
});

test('the small requests, with and without their arguments', () => {
  assert.equal(parseStreamName(call('FCPublish', 'name')), 'name');
  assert.equal(parseStreamName(call('FCPublish', false)), '');
  assert.equal(parseDeleteStream(call('deleteStream', 1)), 1);
  assert.equal(parseDeleteStream(call('deleteStream')), 0);
  assert.deepEqual(parsePause(call('pause', true, 1000)), { pause: true, milliseconds: 1000 });
  assert.deepEqual(parsePause(call('pause')), { pause: false, milliseconds: 0 });
  assert.equal(parseSeek(call('seek', 5000)), 5000);
  assert.equal(parseSeek(call('seek', Number.POSITIVE_INFINITY)), 0);
  assert.equal(parseReceive(call('receiveAudio', false)), false);
  assert.equal(parseReceive(call('receiveVideo')), true);
});

test('the client asks what the server understands', () => {
  const options = { app: 'live', tcUrl: 'rtmp://h/live', flashVer: 'FMLE/3.0', fourCcList: ['hvc1'] };
  const connect = parseConnect(sent(connectRequest(options)));
  assert.deepEqual({ ...connect, ...options }, connect);
  assert.deepEqual(parseConnect(sent(connectRequest({ ...options, fourCcList: [] }))).fourCcList, []);
  assert.equal(parseStreamName(sent(streamNameRequest('releaseStream', 2, 'name'))), 'name');
  assert.equal(sent(createStreamRequest(4)).transactionId, 4);
  const publish = parsePublish(sent(publishRequest(1, 5, 'name?a=b')));
  assert.deepEqual(publish, {
    ok: true,
    value: { transactionId: 5, streamId: 1, streamName: 'name?a=b', publishType: 'live' },
  });
  const play = parsePlay(sent(playRequest(1, 5, 'name')));
  assert.equal(play.ok && play.value.start, -2);
  assert.equal(parseDeleteStream(sent(deleteStreamRequest(6, 3))), 3);
});

test('the server answers what the client understands', () => {
  const connected = sent(connectResult(1, { objectEncoding: 3, fourCcList: ['hvc1'] }));
  assert.deepEqual([connected.name, connected.transactionId, connected.streamId], ['_result', 1, 0]);
  assert.equal(amfProperty(connected.object, 'fmsVer'), 'FMS/3,0,1,123');
  assert.equal(amfProperty(connected.object, 'capabilities'), 31);
  assert.equal(parseStatus(connected).code, 'NetConnection.Connect.Success');
  assert.equal(amfProperty(connected.args[0], 'objectEncoding'), 3);
  assert.deepEqual(amfProperty(connected.args[0], 'fourCcList'), ['hvc1']);
  const plain = sent(connectResult(1, { objectEncoding: 0, fourCcList: [] }));
  assert.equal(amfProperty(plain.args[0], 'fourCcList'), undefined);

  assert.equal(parseCreateStreamResult(sent(createStreamResult(4, 1))), 1);
  for (const odd of [0, -1, 1.5, 2 ** 32, Number.NaN, '1', undefined, null]) {
    assert.equal(parseCreateStreamResult(result(4, odd)), null);
  }

  const refused = sent(errorResult(1, 'NetConnection.Connect.Rejected', 'no such app'));
  assert.equal(refused.name, '_error');
  assert.deepEqual(parseStatus(refused), {
    level: 'error',
    code: 'NetConnection.Connect.Rejected',
    description: 'no such app',
  });
  assert.deepEqual(parseStatus(result(2)), { level: '', code: '', description: '' });
});

test('status messages', () => {
  const status = sent(onStatus(1, 'status', 'NetStream.Play.Start', 'Started playing.', 'name'));
  assert.deepEqual(
    status,
    command(
      1,
      'onStatus',
      0,
      null,
      amfObject({ level: 'status', code: 'NetStream.Play.Start', description: 'Started playing.', details: 'name' }),
    ),
  );
  assert.equal(amfProperty(onStatus(1, 'error', 'c', 'd').args[0], 'details'), undefined);
  assert.equal(parseStatus(sent(onFcPublish('name'))).code, 'NetStream.Publish.Start');
  assert.equal(parseStatus(sent(onFcUnpublish('name'))).code, 'NetStream.Unpublish.Success');
  assert.deepEqual(sent(onBwDone()), command(0, 'onBWDone', 0, null));
  assert.deepEqual(parseAmf0(rtmpSampleAccess(1).payload), ['|RtmpSampleAccess', true, true]);
});
