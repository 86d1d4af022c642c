/** What an AMF value is in this program, its limits and its errors; `amf0.ts` has the bytes. */

/** How deep objects and arrays may lie in each other. */
export const MAX_AMF0_DEPTH = 32;
/** Values and properties in one message: a keyframe index of a ten-hour recording has about 40,000. */
export const MAX_AMF0_VALUES = 65_536;
/** Bytes of one long string or XML document. */
export const MAX_AMF0_STRING_BYTES = 1024 * 1024;
/** Bytes of a string with a 16-bit length: property names, class names, short strings. */
export const MAX_AMF0_SHORT_STRING_BYTES = 0xffff;

/** An anonymous object, or an instance of a class where `className` is not null. */
export interface AmfObject {
  readonly type: 'object';
  readonly className: string | null;
  readonly properties: ReadonlyMap<string, AmfValue>;
}

export interface AmfEcmaArray {
  readonly type: 'ecma-array';
  readonly properties: ReadonlyMap<string, AmfValue>;
}

export interface AmfDate {
  readonly type: 'date';
  /** Since 1970, UTC. */
  readonly ms: number;
  /** Reserved, should be 0: minutes. */
  readonly timeZone: number;
}

export interface AmfXml {
  readonly type: 'xml';
  readonly text: string;
}

/** An earlier object of the same message, by its place in it. */
export interface AmfReference {
  readonly type: 'reference';
  readonly index: number;
}

/** A JavaScript array stands for a strict array. */
export type AmfValue =
  | number
  | boolean
  | string
  | null
  | undefined
  | readonly AmfValue[]
  | AmfObject
  | AmfEcmaArray
  | AmfDate
  | AmfXml
  | AmfReference;

export type Amf0Reason =
  | 'truncated'
  | 'too deep'
  | 'too many values'
  | 'string too long'
  | 'number out of range'
  | 'unknown marker'
  | 'unexpected object end'
  /** Marker 0x11: what follows is AMF3, and no hook was given that reads it. */
  | 'amf3';

/** Bytes that are not AMF0, or a value that AMF0 cannot hold. */
export class Amf0Error extends Error {
  override readonly name = 'Amf0Error';
  readonly reason: Amf0Reason;
  readonly value: number | null;
  readonly limit: number | null;

  constructor(reason: Amf0Reason, message: string, value: number | null = null, limit: number | null = null) {
    super(message);
    this.reason = reason;
    this.value = value;
    this.limit = limit;
  }
}

/** An anonymous object of these properties, in their order. */
export function amfObject(properties: Readonly<Record<string, AmfValue>>): AmfObject {
  return { type: 'object', className: null, properties: new Map(Object.entries(properties)) };
}

/** An ECMA array of these properties, in their order. */
export function amfEcmaArray(properties: Readonly<Record<string, AmfValue>>): AmfEcmaArray {
  return { type: 'ecma-array', properties: new Map(Object.entries(properties)) };
}

/** The property of an object or ECMA array; undefined where there is none, or `value` is neither. */
export function amfProperty(value: AmfValue, key: string): AmfValue {
  if (value === null || typeof value !== 'object' || isStrictArray(value)) return undefined;
  return value.type === 'object' || value.type === 'ecma-array' ? value.properties.get(key) : undefined;
}

export function tooDeep(depth: number): Amf0Error {
  const text = `AMF0 values lie ${depth} deep in each other, at most ${MAX_AMF0_DEPTH} is allowed`;
  return new Amf0Error('too deep', text, depth, MAX_AMF0_DEPTH);
}

export function tooManyValues(count: number): Amf0Error {
  const text = `${count} AMF0 values in one message, at most ${MAX_AMF0_VALUES} are allowed`;
  return new Amf0Error('too many values', text, count, MAX_AMF0_VALUES);
}

export function stringTooLong(length: number, limit: number): Amf0Error {
  return new Amf0Error(
    'string too long',
    `an AMF0 string has ${length} bytes, at most ${limit} are allowed`,
    length,
    limit,
  );
}

export function outOfRange(what: string, value: number, limit: number): Amf0Error {
  return new Amf0Error(
    'number out of range',
    `the AMF0 ${what} ${value} does not fit, at most ${limit} does`,
    value,
    limit,
  );
}

export function isStrictArray(value: AmfValue): value is readonly AmfValue[] {
  return Array.isArray(value);
}
