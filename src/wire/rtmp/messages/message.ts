/** All messages as one union, and the way between it and what the chunk stream carries. */
import type { RawMessage } from '../raw-message.ts';
import type { Abort } from './abort.ts';
import { parseAbort, serializeAbort } from './abort.ts';
import type { Acknowledgement } from './acknowledgement.ts';
import { parseAcknowledgement, serializeAcknowledgement } from './acknowledgement.ts';
import type { AggregateMessage, MediaMessage } from './aggregate.ts';
import { parseAggregate, parseMedia, serializeAggregate } from './aggregate.ts';
import type { CommandMessage } from './command.ts';
import { parseCommand, serializeCommand } from './command.ts';
import { serializeData } from './data.ts';
import type { SetChunkSize } from './set-chunk-size.ts';
import { parseSetChunkSize, serializeSetChunkSize } from './set-chunk-size.ts';
import type { SetPeerBandwidth } from './set-peer-bandwidth.ts';
import { parseSetPeerBandwidth, serializeSetPeerBandwidth } from './set-peer-bandwidth.ts';
import {
  TYPE_ABORT,
  TYPE_ACKNOWLEDGEMENT,
  TYPE_AGGREGATE,
  TYPE_AUDIO,
  TYPE_COMMAND_AMF0,
  TYPE_COMMAND_AMF3,
  TYPE_DATA_AMF0,
  TYPE_SET_CHUNK_SIZE,
  TYPE_SET_PEER_BANDWIDTH,
  TYPE_USER_CONTROL,
  TYPE_VIDEO,
  TYPE_WINDOW_ACKNOWLEDGEMENT_SIZE,
} from './type-ids.ts';
import type { UserControl } from './user-control.ts';
import { parseUserControl, serializeUserControl } from './user-control.ts';
import type { WindowAcknowledgementSize } from './window-acknowledgement-size.ts';
import { parseWindowAcknowledgementSize, serializeWindowAcknowledgementSize } from './window-acknowledgement-size.ts';

/** A type that we have no use for (shared objects, 16 and 19) or do not know. */
export interface UnknownMessage extends RawMessage {
  readonly type: 'unknown';
}

export type RtmpMessage =
  | SetChunkSize
  | Abort
  | Acknowledgement
  | UserControl
  | WindowAcknowledgementSize
  | SetPeerBandwidth
  | MediaMessage
  | CommandMessage
  | AggregateMessage
  | UnknownMessage;

/** @throws RtmpError where the body is not what the type says */
export function parseMessage(raw: RawMessage): RtmpMessage {
  switch (raw.typeId) {
    case TYPE_COMMAND_AMF0:
    case TYPE_COMMAND_AMF3:
      return parseCommand(raw);
    case TYPE_SET_CHUNK_SIZE:
      return parseSetChunkSize(raw.payload);
    case TYPE_ABORT:
      return parseAbort(raw.payload);
    case TYPE_ACKNOWLEDGEMENT:
      return parseAcknowledgement(raw.payload);
    case TYPE_USER_CONTROL:
      return parseUserControl(raw.payload);
    case TYPE_WINDOW_ACKNOWLEDGEMENT_SIZE:
      return parseWindowAcknowledgementSize(raw.payload);
    case TYPE_SET_PEER_BANDWIDTH:
      return parseSetPeerBandwidth(raw.payload);
    case TYPE_AGGREGATE:
      return parseAggregate(raw);
    default:
      return parseMedia(raw) ?? { type: 'unknown', ...raw };
  }
}

/** What the chunk stream is to carry. Data and commands go out as AMF0 values, whatever form they came in. */
export function serializeMessage(message: RtmpMessage): RawMessage {
  switch (message.type) {
    case 'audio':
      return onStream(TYPE_AUDIO, message, message.payload);
    case 'video':
      return onStream(TYPE_VIDEO, message, message.payload);
    case 'data':
      return onStream(TYPE_DATA_AMF0, message, serializeData(message));
    case 'aggregate':
      return onStream(TYPE_AGGREGATE, message, serializeAggregate(message));
    case 'command': {
      const typeId = message.encoding === 'amf3' ? TYPE_COMMAND_AMF3 : TYPE_COMMAND_AMF0;
      return { typeId, streamId: message.streamId, timestamp: 0, payload: serializeCommand(message) };
    }
    case 'set-chunk-size':
      return control(TYPE_SET_CHUNK_SIZE, serializeSetChunkSize(message));
    case 'abort':
      return control(TYPE_ABORT, serializeAbort(message));
    case 'acknowledgement':
      return control(TYPE_ACKNOWLEDGEMENT, serializeAcknowledgement(message));
    case 'user-control':
      return control(TYPE_USER_CONTROL, serializeUserControl(message));
    case 'window-acknowledgement-size':
      return control(TYPE_WINDOW_ACKNOWLEDGEMENT_SIZE, serializeWindowAcknowledgementSize(message));
    case 'set-peer-bandwidth':
      return control(TYPE_SET_PEER_BANDWIDTH, serializeSetPeerBandwidth(message));
    case 'unknown':
      return onStream(message.typeId, message, message.payload);
  }
}

function onStream(typeId: number, at: { streamId: number; timestamp: number }, payload: Buffer): RawMessage {
  return { typeId, streamId: at.streamId, timestamp: at.timestamp, payload };
}

/** RTMP 5.4, 6.2: on message stream 0, the timestamp means nothing. */
function control(typeId: number, payload: Buffer): RawMessage {
  return { typeId, streamId: 0, timestamp: 0, payload };
}
