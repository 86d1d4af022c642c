/** Command Message (RTMP 1.0 7.1.1): a remote call or its answer, AMF0 (type 20) or AMF3 (type 17). */
import type { AmfValue } from '../../../containers/flv/index.ts';
import { serializeAmf0 } from '../../../containers/flv/index.ts';
import { RtmpError } from '../error.ts';
import type { RawMessage } from '../raw-message.ts';
import { amfOffset, parseAmf } from './amf.ts';
import { TYPE_COMMAND_AMF3 } from './type-ids.ts';

export interface CommandMessage {
  readonly type: 'command';
  readonly encoding: 'amf0' | 'amf3';
  readonly streamId: number;
  readonly name: string;
  /** 0 where no answer is wanted. */
  readonly transactionId: number;
  /** The command object; null where there is none. */
  readonly object: AmfValue;
  readonly args: readonly AmfValue[];
}

/**
 * A missing transaction id is 0, a missing command object null.
 * @throws RtmpError (malformed) where the body is not AMF or does not begin with a name
 */
export function parseCommand(raw: RawMessage): CommandMessage {
  const isAmf3 = raw.typeId === TYPE_COMMAND_AMF3;
  const [name, transactionId, object, ...args] = parseAmf(raw.payload, amfOffset(raw.payload, isAmf3));
  if (typeof name !== 'string') {
    throw new RtmpError('malformed', `a command begins with ${describe(name)}, its name (a string) expected`);
  }
  return {
    type: 'command',
    encoding: isAmf3 ? 'amf3' : 'amf0',
    streamId: raw.streamId,
    name,
    transactionId: typeof transactionId === 'number' ? transactionId : 0,
    object: object ?? null,
    args,
  };
}

export function serializeCommand(message: CommandMessage): Buffer {
  const values = serializeAmf0(message.name, message.transactionId, message.object, ...message.args);
  return message.encoding === 'amf3' ? Buffer.concat([Buffer.from([0]), values]) : values;
}

/** The kind of an AMF value, for a message to a person. */
export function describe(value: AmfValue): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'object') return 'type' in value ? `a value of type ${value.type}` : 'an array';
  return typeof value === 'string' ? 'a string' : `the ${typeof value} ${value}`;
}
