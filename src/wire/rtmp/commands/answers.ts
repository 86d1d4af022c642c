/** What a server answers, in the form that players and encoders in use expect. */
import type { AmfValue } from '../../../containers/flv/index.ts';
import { amfObject, serializeAmf0 } from '../../../containers/flv/index.ts';
import type { CommandMessage } from '../messages/command.ts';
import type { DataMessage } from '../messages/data.ts';

/** A command with AMF0 values; `streamId` 0 is the connection. */
export function command(
  streamId: number,
  name: string,
  transactionId: number,
  object: AmfValue,
  ...args: readonly AmfValue[]
): CommandMessage {
  return { type: 'command', encoding: 'amf0', streamId, name, transactionId, object, args };
}

/** `_result` for `connect`. Clients look into fmsVer and capabilities for features, and wait for the code. */
export function connectResult(
  transactionId: number,
  options: {
    /** As the client sent it; commands in AMF0 are right for both. */
    readonly objectEncoding: 0 | 3;
    /** The codecs of the client's list that are taken, which tells it that the server is enhanced; empty: not told. */
    readonly fourCcList: readonly string[];
  },
): CommandMessage {
  const info: Record<string, AmfValue> = {
    level: 'status',
    code: 'NetConnection.Connect.Success',
    description: 'Connection succeeded.',
    objectEncoding: options.objectEncoding,
  };
  if (options.fourCcList.length > 0) info['fourCcList'] = options.fourCcList;
  const properties = amfObject({ fmsVer: 'FMS/3,0,1,123', capabilities: 31, mode: 1 });
  return command(0, '_result', transactionId, properties, amfObject(info));
}

/** `_error` for any call: refused, and why. */
export function errorResult(transactionId: number, code: string, description: string): CommandMessage {
  return command(0, '_error', transactionId, null, amfObject({ level: 'error', code, description }));
}

/** `_result` for `createStream`. */
export function createStreamResult(transactionId: number, streamId: number): CommandMessage {
  return command(0, '_result', transactionId, null, streamId);
}

/** `_result` for calls that give `value` or nothing: `releaseStream`, `FCPublish`, `getStreamLength`, … */
export function result(transactionId: number, value?: AmfValue): CommandMessage {
  return command(0, '_result', transactionId, null, value);
}

/** `onStatus` (RTMP 1.0 7.2.2). `details` is the stream's name where there is one to name. */
export function onStatus(
  streamId: number,
  level: 'status' | 'warning' | 'error',
  code: string,
  description: string,
  details?: string,
): CommandMessage {
  const info = amfObject({ level, code, description, ...(details === undefined ? {} : { details }) });
  return command(streamId, 'onStatus', 0, null, info);
}

/** Tells an encoder that waits for it after FCPublish that it may publish. */
export function onFcPublish(streamName: string): CommandMessage {
  const info = amfObject({ level: 'status', code: 'NetStream.Publish.Start', description: streamName });
  return command(0, 'onFCPublish', 0, null, info);
}

/** Answers FCUnpublish. */
export function onFcUnpublish(streamName: string): CommandMessage {
  const info = amfObject({ level: 'status', code: 'NetStream.Unpublish.Success', description: streamName });
  return command(0, 'onFCUnpublish', 0, null, info);
}

/** Tells a client that waits for a bandwidth check that there is none. */
export function onBwDone(): CommandMessage {
  return command(0, 'onBWDone', 0, null);
}

/** `|RtmpSampleAccess`: Flash players may read the decoded audio and video. */
export function rtmpSampleAccess(streamId: number): DataMessage {
  const payload = serializeAmf0('|RtmpSampleAccess', true, true);
  return { type: 'data', streamId, timestamp: 0, setDataFrame: false, payload };
}
