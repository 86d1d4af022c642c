/** Reads AMF3 (Adobe, Action Message Format AMF 3, January 2013) into the same values as AMF0. */
import type { AmfValue } from '../../containers/flv/index.ts';

/** How deep objects and arrays may lie in each other. */
export const MAX_AMF3_DEPTH = 32;
/**
 * What the values of one message may come to, in bytes of text and 1 for each value, with everything that is referred to
 * counted again each time: a few hundred bytes of references to references stand for gigabytes once they are written out.
 */
export const MAX_AMF3_WEIGHT = 4 * 1024 * 1024;

export type Amf3Reason =
  | 'truncated'
  | 'too deep'
  | 'too large'
  | 'unknown marker'
  /** To an entry that no table has, or to an object that is not complete yet: a circle, which AMF0 cannot hold. */
  | 'bad reference'
  /** Vectors, dictionaries and externalizable classes. */
  | 'unsupported';

/** Bytes that are not AMF3, or a value that is refused. */
export class Amf3Error extends Error {
  override readonly name = 'Amf3Error';
  readonly reason: Amf3Reason;

  constructor(reason: Amf3Reason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What the values of a message have come to so far. */
export interface Amf3Spent {
  weight: number;
}

/** AMF3 3.1. */
const MARKER = {
  undefined: 0x00,
  null: 0x01,
  false: 0x02,
  true: 0x03,
  integer: 0x04,
  double: 0x05,
  string: 0x06,
  xmlDocument: 0x07,
  date: 0x08,
  array: 0x09,
  object: 0x0a,
  xml: 0x0b,
  byteArray: 0x0c,
  vectorInt: 0x0d,
  dictionary: 0x11,
} as const;

interface Traits {
  readonly className: string;
  readonly dynamic: boolean;
  readonly members: readonly string[];
}

/** An entry of the object table; `weight` is null until the object is complete. */
interface Complex {
  value: AmfValue;
  weight: number | null;
}

/**
 * Reads the one value at `offset`, with reference tables of its own; fits as the hook of the AMF0 reader. An array with
 * named elements becomes an ECMA array, a byte array a strict array of numbers.
 * @param spent of the message that the value is in
 * @throws Amf3Error
 */
export function readAmf3(data: Buffer, offset: number, spent: Amf3Spent): { value: AmfValue; offset: number } {
  const reader = new Amf3Reader(data, offset, spent);
  const value = reader.read(0);
  return { value, offset: reader.offset };
}

class Amf3Reader {
  readonly #data: Buffer;
  readonly #spent: Amf3Spent;
  #at: number;
  readonly #strings: string[] = [];
  readonly #complexes: Complex[] = [];
  readonly #traits: Traits[] = [];

  constructor(data: Buffer, offset: number, spent: Amf3Spent) {
    this.#data = data;
    this.#at = offset;
    this.#spent = spent;
  }

  get offset(): number {
    return this.#at;
  }

  read(depth: number): AmfValue {
    this.#weigh(1);
    const marker = this.#data.readUInt8(this.#advance(1));
    switch (marker) {
      case MARKER.undefined:
        return undefined;
      case MARKER.null:
        return null;
      case MARKER.false:
        return false;
      case MARKER.true:
        return true;
      case MARKER.integer: {
        const value = this.#u29();
        return value < 0x1000_0000 ? value : value - 0x2000_0000;
      }
      case MARKER.double:
        return this.#data.readDoubleBE(this.#advance(8));
      case MARKER.string:
        return this.#string();
      case MARKER.xmlDocument:
      case MARKER.xml:
      case MARKER.date:
      case MARKER.array:
      case MARKER.object:
      case MARKER.byteArray:
        return this.#complex(marker, depth);
      default:
        if (marker >= MARKER.vectorInt && marker <= MARKER.dictionary) {
          throw new Amf3Error(
            'unsupported',
            `AMF3 vectors and dictionaries (0x${marker.toString(16)}) are not accepted`,
          );
        }
        throw new Amf3Error('unknown marker', `AMF3 has no marker 0x${marker.toString(16)}`);
    }
  }

  /** A value that goes into the object table, or a reference to one that is there. */
  #complex(marker: number, depth: number): AmfValue {
    const head = this.#u29();
    if ((head & 1) === 0) return this.#refer(head >> 1);
    if (depth >= MAX_AMF3_DEPTH) {
      const text = `AMF3 values lie ${depth + 1} deep in each other, at most ${MAX_AMF3_DEPTH} is allowed`;
      throw new Amf3Error('too deep', text);
    }
    const entry: Complex = { value: undefined, weight: null };
    this.#complexes.push(entry);
    const before = this.#spent.weight;
    entry.value = this.#body(marker, head, depth);
    entry.weight = this.#spent.weight - before;
    return entry.value;
  }

  #refer(index: number): AmfValue {
    const entry = this.#complexes[index];
    if (entry === undefined) throw noEntry('object', index, this.#complexes.length);
    if (entry.weight === null) throw new Amf3Error('bad reference', `the AMF3 object ${index} lies within itself`);
    this.#weigh(entry.weight);
    return entry.value;
  }

  /** @param head the U29 behind the marker, bit 0 set */
  #body(marker: number, head: number, depth: number): AmfValue {
    const count = head >> 1;
    switch (marker) {
      case MARKER.date:
        return { type: 'date', ms: this.#data.readDoubleBE(this.#advance(8)), timeZone: 0 };
      case MARKER.array:
        return this.#array(count, depth);
      case MARKER.object:
        return this.#object(head, depth);
      case MARKER.byteArray: {
        const start = this.#advance(count);
        // As an array each byte takes the room of a number.
        this.#weigh(count * 8);
        return [...this.#data.subarray(start, start + count)];
      }
      default:
        return { type: 'xml', text: this.#text(count) };
    }
  }

  #array(count: number, depth: number): AmfValue {
    const named = new Map<string, AmfValue>();
    for (let key = this.#string(); key !== ''; key = this.#string()) named.set(key, this.read(depth + 1));
    if (count > this.#data.length - this.#at) throw this.#truncated(count);
    const dense: AmfValue[] = [];
    for (let i = 0; i < count; i++) dense.push(this.read(depth + 1));
    if (named.size === 0) return dense;
    for (const [i, value] of dense.entries()) named.set(String(i), value);
    return { type: 'ecma-array', properties: named };
  }

  #object(head: number, depth: number): AmfValue {
    const traits = this.#readTraits(head);
    const properties = new Map<string, AmfValue>();
    for (const member of traits.members) {
      this.#weigh(member.length);
      properties.set(member, this.read(depth + 1));
    }
    if (traits.dynamic) {
      for (let key = this.#string(); key !== ''; key = this.#string()) properties.set(key, this.read(depth + 1));
    }
    return { type: 'object', className: traits.className === '' ? null : traits.className, properties };
  }

  /** AMF3 3.12: bit 1 clear refers to earlier traits, bit 2 set means externalizable, bit 3 dynamic. */
  #readTraits(head: number): Traits {
    if ((head & 2) === 0) {
      const known = this.#traits[head >> 2];
      if (known === undefined) throw noEntry('traits', head >> 2, this.#traits.length);
      this.#weigh(known.className.length);
      return known;
    }
    const className = this.#string();
    if ((head & 4) !== 0)
      throw new Amf3Error('unsupported', `AMF3 class "${className}" is externalizable: not accepted`);
    const count = head >> 4;
    if (count > this.#data.length - this.#at) throw this.#truncated(count);
    const members: string[] = [];
    for (let i = 0; i < count; i++) members.push(this.#string());
    const traits: Traits = { className, dynamic: (head & 8) !== 0, members };
    this.#traits.push(traits);
    return traits;
  }

  /** AMF3 1.3.2: a string or a reference to an earlier one; the empty string is in no table. */
  #string(): string {
    const head = this.#u29();
    if ((head & 1) !== 0) {
      const text = this.#text(head >> 1);
      if (text !== '') this.#strings.push(text);
      return text;
    }
    const text = this.#strings[head >> 1];
    if (text === undefined) throw noEntry('string', head >> 1, this.#strings.length);
    this.#weigh(text.length);
    return text;
  }

  #text(length: number): string {
    this.#weigh(length);
    const start = this.#advance(length);
    return this.#data.toString('utf8', start, start + length);
  }

  /** AMF3 1.3.1: 7 bits in each of up to three bytes, 8 in the fourth. */
  #u29(): number {
    let value = 0;
    for (let i = 0; i < 3; i++) {
      const byte = this.#data.readUInt8(this.#advance(1));
      value = (value << 7) | (byte & 0x7f);
      if (byte < 0x80) return value;
    }
    return (value << 8) | this.#data.readUInt8(this.#advance(1));
  }

  #weigh(more: number): void {
    this.#spent.weight += more;
    if (this.#spent.weight > MAX_AMF3_WEIGHT) {
      throw new Amf3Error(
        'too large',
        `the AMF3 values of a message come to over ${MAX_AMF3_WEIGHT} bytes, which is the most allowed`,
      );
    }
  }

  #advance(length: number): number {
    const start = this.#at;
    if (start + length > this.#data.length) throw this.#truncated(length);
    this.#at = start + length;
    return start;
  }

  #truncated(needed: number): Amf3Error {
    const left = Math.max(0, this.#data.length - this.#at);
    return new Amf3Error('truncated', `AMF3 ends early: ${needed} bytes are due, ${left} are left`);
  }
}

function noEntry(table: string, index: number, size: number): Amf3Error {
  return new Amf3Error('bad reference', `AMF3 refers to ${table} ${index}, ${size} are known`);
}
