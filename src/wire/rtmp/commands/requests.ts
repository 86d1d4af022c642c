/** What clients ask of a server, read out of command messages: safe values where optional fields are missing or odd. */
import type { AmfValue } from '../../../containers/flv/index.ts';
import { amfProperty } from '../../../containers/flv/index.ts';
import type { CommandMessage } from '../messages/command.ts';
import { describe } from '../messages/command.ts';

/** A request as read, or why it must be refused, in words for the client. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

/** `connect` (RTMP 1.0 7.2.1.1). Strings are empty where the client sent none. */
export interface ConnectRequest {
  readonly transactionId: number;
  /** As sent: may hold slashes and a query. */
  readonly app: string;
  readonly tcUrl: string;
  readonly flashVer: string;
  readonly swfUrl: string;
  readonly pageUrl: string;
  readonly objectEncoding: 0 | 3;
  /** Codecs that the client knows in the form of enhanced RTMP, `*` for all; empty for a client that is not enhanced. */
  readonly fourCcList: readonly string[];
}

/** Codecs that one client may list; the registry of enhanced RTMP has about ten. */
const MAX_FOURCCS = 64;

export function parseConnect(command: CommandMessage): ConnectRequest {
  const text = (key: string): string => asText(amfProperty(command.object, key));
  const fourCcList = amfProperty(command.object, 'fourCcList');
  const listed = isArray(fourCcList) ? fourCcList.filter((item) => typeof item === 'string') : [];
  return {
    transactionId: command.transactionId,
    app: text('app'),
    tcUrl: text('tcUrl'),
    flashVer: text('flashVer'),
    swfUrl: text('swfUrl'),
    pageUrl: text('pageUrl'),
    objectEncoding: amfProperty(command.object, 'objectEncoding') === 3 ? 3 : 0,
    fourCcList: [...listed, ...receivable(amfProperty(command.object, 'videoFourCcInfoMap'))].slice(0, MAX_FOURCCS),
  };
}

/** CanDecode and CanForward of FourCcInfoMask (Enhanced RTMP v2, "Enhancing NetConnection connect Command"). */
const CAN_RECEIVE = 0x01 | 0x04;

/** The codecs that a client of version 2 names with what it can do with each, as far as it can be sent them. */
function receivable(map: AmfValue): string[] {
  if (typeof map !== 'object' || map === null || !('properties' in map)) return [];
  return Array.from(map.properties).flatMap(([fourCc, can]) =>
    typeof can === 'number' && (can & CAN_RECEIVE) !== 0 ? [fourCc] : [],
  );
}

/** Whether the client said that it knows this codec in the form of enhanced RTMP. @param fourCc as it names it, e.g. `hvc1` */
export function knowsCodec(request: ConnectRequest | null, fourCc: string): boolean {
  return request !== null && (request.fourCcList.includes(fourCc) || request.fourCcList.includes('*'));
}

/** `publish` (RTMP 1.0 7.2.2.6). */
export interface PublishRequest {
  readonly transactionId: number;
  readonly streamId: number;
  /** As sent: may hold a query. Not empty. */
  readonly streamName: string;
  /** Live where nothing else is said. */
  readonly publishType: 'live' | 'record' | 'append';
}

export function parsePublish(command: CommandMessage): Parsed<PublishRequest> {
  const [streamName, type] = command.args;
  if (typeof streamName !== 'string' || streamName === '') return noStreamName('publish', streamName);
  const publishType = type === 'record' || type === 'append' ? type : 'live';
  return {
    ok: true,
    value: { transactionId: command.transactionId, streamId: command.streamId, streamName, publishType },
  };
}

/** `play` (RTMP 1.0 7.2.2.1). */
export interface PlayRequest {
  readonly transactionId: number;
  readonly streamId: number;
  /** As sent: may hold a query. Not empty. */
  readonly streamName: string;
  /** Seconds into a recording; -2: live, else recorded (the default); -1: live only. */
  readonly start: number;
  /** Seconds; -1: to the end (the default). */
  readonly duration: number;
  /** Whether an earlier playlist is flushed. */
  readonly reset: boolean;
}

export function parsePlay(command: CommandMessage): Parsed<PlayRequest> {
  const [streamName, start, duration, reset] = command.args;
  if (typeof streamName !== 'string' || streamName === '') return noStreamName('play', streamName);
  return {
    ok: true,
    value: {
      transactionId: command.transactionId,
      streamId: command.streamId,
      streamName,
      start: asNumber(start, -2),
      duration: asNumber(duration, -1),
      // A number in some clients: 0 is the one that does not reset.
      reset: reset !== false && reset !== 0,
    },
  };
}

/** The stream name of `releaseStream`, `FCPublish`, `FCUnpublish`, `FCSubscribe`, `getStreamLength`; empty where none is. */
export function parseStreamName(command: CommandMessage): string {
  return asText(command.args[0]);
}

/** The message stream that `deleteStream` (RTMP 1.0 7.2.2.3) names; 0, which is none, where it names nothing. */
export function parseDeleteStream(command: CommandMessage): number {
  return asNumber(command.args[0], 0);
}

/** `pause` (RTMP 1.0 7.2.2.8). */
export interface PauseRequest {
  /** False: go on. */
  readonly pause: boolean;
  readonly milliseconds: number;
}

export function parsePause(command: CommandMessage): PauseRequest {
  return { pause: command.args[0] === true, milliseconds: asNumber(command.args[1], 0) };
}

/** Where `seek` (RTMP 1.0 7.2.2.7) wants to go, milliseconds. */
export function parseSeek(command: CommandMessage): number {
  return asNumber(command.args[0], 0);
}

/** Whether `receiveAudio` or `receiveVideo` (RTMP 1.0 7.2.2.4, 7.2.2.5) switches on; so it is where nothing is said. */
export function parseReceive(command: CommandMessage): boolean {
  return command.args[0] !== false;
}

function noStreamName(verb: string, found: AmfValue): { readonly ok: false; readonly reason: string } {
  const what = found === '' ? 'an empty string' : describe(found);
  return { ok: false, reason: `${verb} needs a stream name, got ${what}; the URL must be rtmp://HOST/APP/STREAM` };
}

function asText(value: AmfValue): string {
  return typeof value === 'string' ? value : '';
}

function asNumber(value: AmfValue, otherwise: number): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
}

function isArray(value: AmfValue): value is readonly AmfValue[] {
  return Array.isArray(value);
}
