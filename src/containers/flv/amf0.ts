/** AMF0 values and their bytes (Adobe, Action Message Format AMF 0, December 2007). */
import type { AmfDate, AmfEcmaArray, AmfObject, AmfReference, AmfValue, AmfXml } from './amf-value.ts';
import {
  Amf0Error,
  isStrictArray,
  MAX_AMF0_DEPTH,
  MAX_AMF0_SHORT_STRING_BYTES,
  MAX_AMF0_STRING_BYTES,
  MAX_AMF0_VALUES,
  outOfRange,
  stringTooLong,
  tooDeep,
  tooManyValues,
} from './amf-value.ts';

/** Reads one AMF3 value at `offset` and tells where it ends. */
export type Amf3Hook = (data: Buffer, offset: number) => { value: AmfValue; offset: number };

const MARKER = {
  number: 0x00,
  boolean: 0x01,
  string: 0x02,
  object: 0x03,
  null: 0x05,
  undefined: 0x06,
  reference: 0x07,
  ecmaArray: 0x08,
  objectEnd: 0x09,
  strictArray: 0x0a,
  date: 0x0b,
  longString: 0x0c,
  unsupported: 0x0d,
  xml: 0x0f,
  typedObject: 0x10,
  avmPlus: 0x11,
} as const;

/** Reads the values of one message in turn; the limits count over all of them. */
export class Amf0Reader {
  readonly #data: Buffer;
  readonly #amf3: Amf3Hook | null;
  #at: number;
  #count = 0;

  constructor(data: Buffer, offset = 0, amf3: Amf3Hook | null = null) {
    this.#data = data;
    this.#at = offset;
    this.#amf3 = amf3;
  }

  get done(): boolean {
    return this.#at >= this.#data.length;
  }

  /** @throws Amf0Error */
  read(): AmfValue {
    return this.#value(0);
  }

  #value(depth: number): AmfValue {
    this.#countOne();
    const marker = this.#data.readUInt8(this.#advance(1));
    switch (marker) {
      case MARKER.number:
        return this.#data.readDoubleBE(this.#advance(8));
      case MARKER.boolean:
        return this.#data.readUInt8(this.#advance(1)) !== 0;
      case MARKER.string:
        return this.#text(this.#u16());
      case MARKER.longString:
        return this.#text(this.#longLength());
      case MARKER.xml:
        return { type: 'xml', text: this.#text(this.#longLength()) };
      case MARKER.null:
        return null;
      // "unsupported" marks a value that could not be serialized; nothing follows it
      case MARKER.undefined:
      case MARKER.unsupported:
        return undefined;
      case MARKER.reference:
        return { type: 'reference', index: this.#u16() };
      case MARKER.date:
        return { type: 'date', ms: this.#data.readDoubleBE(this.#advance(8)), timeZone: this.#i16() };
      case MARKER.object:
        return { type: 'object', className: null, properties: this.#properties(depth) };
      case MARKER.typedObject:
        return { type: 'object', className: this.#text(this.#u16()), properties: this.#properties(depth) };
      case MARKER.ecmaArray:
        // the count is a hint that encoders get wrong; the end is marked
        this.#advance(4);
        return { type: 'ecma-array', properties: this.#properties(depth) };
      case MARKER.strictArray:
        return this.#strictArray(depth);
      case MARKER.avmPlus:
        return this.#switchToAmf3();
      case MARKER.objectEnd:
        throw new Amf0Error('unexpected object end', 'an AMF0 object end stands where a value is due', marker);
      default:
        throw new Amf0Error('unknown marker', `AMF0 has no marker 0x${marker.toString(16)} for values`, marker);
    }
  }

  #properties(depth: number): Map<string, AmfValue> {
    checkDepth(depth);
    // a Map has no prototype to pollute, whatever the keys are called
    const properties = new Map<string, AmfValue>();
    for (;;) {
      const key = this.#text(this.#u16());
      if (key === '' && this.#data[this.#at] === MARKER.objectEnd) {
        this.#at++;
        return properties;
      }
      properties.set(key, this.#value(depth + 1));
    }
  }

  #strictArray(depth: number): AmfValue[] {
    checkDepth(depth);
    const count = this.#data.readUInt32BE(this.#advance(4));
    const left = MAX_AMF0_VALUES - this.#count;
    if (count > left) throw tooManyValues(this.#count + count);
    // each value has a byte at least
    if (count > this.#data.length - this.#at) throw this.#truncated(count);
    const values: AmfValue[] = [];
    for (let i = 0; i < count; i++) values.push(this.#value(depth + 1));
    return values;
  }

  #switchToAmf3(): AmfValue {
    if (this.#amf3 === null) throw new Amf0Error('amf3', 'an AMF3 value stands where AMF0 is due', MARKER.avmPlus);
    const { value, offset } = this.#amf3(this.#data, this.#at);
    this.#at = offset;
    return value;
  }

  #countOne(): void {
    this.#count++;
    if (this.#count > MAX_AMF0_VALUES) throw tooManyValues(this.#count);
  }

  #u16(): number {
    return this.#data.readUInt16BE(this.#advance(2));
  }

  #i16(): number {
    return this.#data.readInt16BE(this.#advance(2));
  }

  #longLength(): number {
    const length = this.#data.readUInt32BE(this.#advance(4));
    if (length > MAX_AMF0_STRING_BYTES) throw stringTooLong(length, MAX_AMF0_STRING_BYTES);
    return length;
  }

  #text(length: number): string {
    const start = this.#advance(length);
    return this.#data.toString('utf8', start, start + length);
  }

  #advance(length: number): number {
    const start = this.#at;
    if (start + length > this.#data.length) throw this.#truncated(length);
    this.#at = start + length;
    return start;
  }

  #truncated(needed: number): Amf0Error {
    const left = this.#data.length - this.#at;
    return new Amf0Error('truncated', `AMF0 ends early: ${needed} bytes are due, ${left} are left`, needed, left);
  }
}

/**
 * All values from `offset` to the end.
 * @throws Amf0Error
 */
export function parseAmf0(data: Buffer, offset = 0, amf3: Amf3Hook | null = null): AmfValue[] {
  const reader = new Amf0Reader(data, offset, amf3);
  const values: AmfValue[] = [];
  while (!reader.done) values.push(reader.read());
  return values;
}

/**
 * The values' bytes, one after the other.
 * @throws Amf0Error where a value is beyond the limits that reading has
 */
export function serializeAmf0(...values: readonly AmfValue[]): Buffer {
  const writer = new Amf0Writer();
  for (const value of values) writer.write(value, 0);
  return writer.toBuffer();
}

class Amf0Writer {
  readonly #parts: Buffer[] = [];
  #count = 0;

  toBuffer(): Buffer {
    return Buffer.concat(this.#parts);
  }

  write(value: AmfValue, depth: number): void {
    this.#count++;
    if (this.#count > MAX_AMF0_VALUES) throw tooManyValues(this.#count);
    const parts = this.#parts;
    if (typeof value === 'number') parts.push(markedDouble(MARKER.number, value));
    else if (typeof value === 'boolean') parts.push(Buffer.from([MARKER.boolean, value ? 1 : 0]));
    else if (typeof value === 'string') this.#string(value);
    else if (value === null) parts.push(Buffer.from([MARKER.null]));
    else if (value === undefined) parts.push(Buffer.from([MARKER.undefined]));
    else if (isStrictArray(value)) {
      checkDepth(depth);
      parts.push(markedUInt32(MARKER.strictArray, value.length));
      for (const item of value) this.write(item, depth + 1);
    } else this.#tagged(value, depth);
  }

  #tagged(value: AmfObject | AmfEcmaArray | AmfDate | AmfXml | AmfReference, depth: number): void {
    const parts = this.#parts;
    switch (value.type) {
      case 'object':
        if (value.className === null) parts.push(Buffer.from([MARKER.object]));
        else parts.push(Buffer.from([MARKER.typedObject]), shortString(value.className));
        this.#properties(value.properties, depth);
        break;
      case 'ecma-array':
        parts.push(markedUInt32(MARKER.ecmaArray, value.properties.size));
        this.#properties(value.properties, depth);
        break;
      case 'date':
        parts.push(markedDouble(MARKER.date, value.ms), timeZone(value.timeZone));
        break;
      case 'xml':
        this.#longString(MARKER.xml, value.text);
        break;
      case 'reference':
        if (!(value.index >= 0 && value.index <= 0xffff)) throw outOfRange('reference', value.index, 0xffff);
        parts.push(Buffer.from([MARKER.reference, value.index >> 8, value.index & 0xff]));
        break;
    }
  }

  #properties(properties: ReadonlyMap<string, AmfValue>, depth: number): void {
    checkDepth(depth);
    for (const [key, value] of properties) {
      this.#parts.push(shortString(key));
      this.write(value, depth + 1);
    }
    this.#parts.push(Buffer.from([0, 0, MARKER.objectEnd]));
  }

  #string(text: string): void {
    if (Buffer.byteLength(text) > MAX_AMF0_SHORT_STRING_BYTES) this.#longString(MARKER.longString, text);
    else this.#parts.push(Buffer.from([MARKER.string]), shortString(text));
  }

  #longString(marker: number, text: string): void {
    const bytes = Buffer.from(text);
    if (bytes.length > MAX_AMF0_STRING_BYTES) throw stringTooLong(bytes.length, MAX_AMF0_STRING_BYTES);
    this.#parts.push(markedUInt32(marker, bytes.length), bytes);
  }
}

function timeZone(minutes: number): Buffer {
  if (!(minutes >= -0x8000 && minutes <= 0x7fff)) throw outOfRange('time zone', minutes, 0x7fff);
  const bytes = Buffer.allocUnsafe(2);
  bytes.writeInt16BE(minutes);
  return bytes;
}

function shortString(text: string): Buffer {
  const length = Buffer.byteLength(text);
  if (length > MAX_AMF0_SHORT_STRING_BYTES) throw stringTooLong(length, MAX_AMF0_SHORT_STRING_BYTES);
  const bytes = Buffer.allocUnsafe(2 + length);
  bytes.writeUInt16BE(length);
  bytes.write(text, 2);
  return bytes;
}

function markedUInt32(marker: number, value: number): Buffer {
  const bytes = Buffer.allocUnsafe(5);
  bytes[0] = marker;
  bytes.writeUInt32BE(value, 1);
  return bytes;
}

function markedDouble(marker: number, value: number): Buffer {
  const bytes = Buffer.allocUnsafe(9);
  bytes[0] = marker;
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

function checkDepth(depth: number): void {
  if (depth >= MAX_AMF0_DEPTH) throw tooDeep(depth + 1);
}
