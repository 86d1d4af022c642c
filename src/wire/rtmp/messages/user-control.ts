/** User Control (RTMP 1.0 6.2, 7.1.7): events about streams, and pings. */
import { mustHold, uint32Body } from './body.ts';

/** Events that carry a message stream id and nothing else, by their event type. */
const STREAM_EVENTS = { 0: 'stream-begin', 1: 'stream-eof', 2: 'stream-dry', 4: 'stream-is-recorded' } as const;
const SET_BUFFER_LENGTH = 3;
const PING_REQUEST = 6;
const PING_RESPONSE = 7;

type StreamEvent = (typeof STREAM_EVENTS)[keyof typeof STREAM_EVENTS];

export type UserControlEvent =
  | { readonly event: StreamEvent; readonly streamId: number }
  | { readonly event: 'set-buffer-length'; readonly streamId: number; readonly milliseconds: number }
  | { readonly event: 'ping-request' | 'ping-response'; readonly timestamp: number }
  /** Not in the specification (Flash's SWF verification, buffer events), passed by. */
  | { readonly event: 'unknown'; readonly eventType: number; readonly data: Buffer };

export type UserControl = { readonly type: 'user-control' } & UserControlEvent;

/** @throws RtmpError where the body is too short for its event */
export function parseUserControl(payload: Buffer): UserControl {
  mustHold(payload, 2, 'User Control');
  const eventType = payload.readUInt16BE(0);
  switch (eventType) {
    case 0:
    case 1:
    case 2:
    case 4:
      mustHold(payload, 6, `User Control event ${eventType}`);
      return { type: 'user-control', event: STREAM_EVENTS[eventType], streamId: payload.readUInt32BE(2) };
    case SET_BUFFER_LENGTH:
      mustHold(payload, 10, 'User Control SetBufferLength');
      return {
        type: 'user-control',
        event: 'set-buffer-length',
        streamId: payload.readUInt32BE(2),
        milliseconds: payload.readUInt32BE(6),
      };
    case PING_REQUEST:
    case PING_RESPONSE:
      mustHold(payload, 6, 'User Control Ping');
      return {
        type: 'user-control',
        event: eventType === PING_REQUEST ? 'ping-request' : 'ping-response',
        timestamp: payload.readUInt32BE(2),
      };
    default:
      return { type: 'user-control', event: 'unknown', eventType, data: payload.subarray(2) };
  }
}

export function serializeUserControl(message: UserControl): Buffer {
  switch (message.event) {
    case 'unknown':
      return eventBody(message.eventType, message.data);
    case 'set-buffer-length': {
      const data = Buffer.allocUnsafe(8);
      data.writeUInt32BE(message.streamId, 0);
      data.writeUInt32BE(message.milliseconds, 4);
      return eventBody(SET_BUFFER_LENGTH, data);
    }
    case 'ping-request':
      return eventBody(PING_REQUEST, uint32Body(message.timestamp));
    case 'ping-response':
      return eventBody(PING_RESPONSE, uint32Body(message.timestamp));
    default:
      return eventBody(streamEventType(message.event), uint32Body(message.streamId));
  }
}

function streamEventType(event: StreamEvent): number {
  switch (event) {
    case 'stream-begin':
      return 0;
    case 'stream-eof':
      return 1;
    case 'stream-dry':
      return 2;
    case 'stream-is-recorded':
      return 4;
  }
}

function eventBody(eventType: number, data: Buffer): Buffer {
  const body = Buffer.allocUnsafe(2 + data.length);
  body.writeUInt16BE(eventType, 0);
  data.copy(body, 2);
  return body;
}
