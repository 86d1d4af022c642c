/** What we ask of another server when we are its client (relay), and what it answers. */
import type { AmfValue } from '../../../containers/flv/index.ts';
import { amfObject, amfProperty } from '../../../containers/flv/index.ts';
import type { CommandMessage } from '../messages/command.ts';
import { command } from './answers.ts';

/** `connect`, always transaction 1 (RTMP 1.0 7.2.1.1). */
export function connectRequest(options: {
  readonly app: string;
  readonly tcUrl: string;
  readonly flashVer: string;
  /** Codecs of enhanced RTMP that we would send or take; empty: none is told. */
  readonly fourCcList: readonly string[];
}): CommandMessage {
  const object: Record<string, AmfValue> = {
    app: options.app,
    type: 'nonprivate',
    flashVer: options.flashVer,
    tcUrl: options.tcUrl,
  };
  if (options.fourCcList.length > 0) object['fourCcList'] = options.fourCcList;
  return command(0, 'connect', 1, amfObject(object));
}

/** `releaseStream`, `FCPublish`, `FCUnpublish`: calls about a stream's name. */
export function streamNameRequest(
  name: 'releaseStream' | 'FCPublish' | 'FCUnpublish',
  transactionId: number,
  streamName: string,
): CommandMessage {
  return command(0, name, transactionId, null, streamName);
}

/** `createStream` (RTMP 1.0 7.2.1.3). */
export function createStreamRequest(transactionId: number): CommandMessage {
  return command(0, 'createStream', transactionId, null);
}

/** `publish`, live. */
export function publishRequest(streamId: number, transactionId: number, streamName: string): CommandMessage {
  return command(streamId, 'publish', transactionId, null, streamName, 'live');
}

/** `play`: live, else recorded. */
export function playRequest(streamId: number, transactionId: number, streamName: string): CommandMessage {
  return command(streamId, 'play', transactionId, null, streamName, -2);
}

/** `deleteStream` (RTMP 1.0 7.2.2.3). */
export function deleteStreamRequest(transactionId: number, streamId: number): CommandMessage {
  return command(0, 'deleteStream', transactionId, null, streamId);
}

/** The information object of an `onStatus`, `_result` or `_error`; strings are empty where the server sent none. */
export interface Status {
  readonly level: string;
  readonly code: string;
  readonly description: string;
}

export function parseStatus(answer: CommandMessage): Status {
  const info = answer.args[0];
  const text = (key: string): string => {
    const value = amfProperty(info, key);
    return typeof value === 'string' ? value : '';
  };
  return { level: text('level'), code: text('code'), description: text('description') };
}

/** The message stream in the `_result` for createStream; null where there is none in it. */
export function parseCreateStreamResult(answer: CommandMessage): number | null {
  const id = answer.args[0];
  return typeof id === 'number' && Number.isInteger(id) && id > 0 && id <= 0xffffffff ? id : null;
}
