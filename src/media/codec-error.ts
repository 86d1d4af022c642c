/** The one error that reading or writing a codec's own bytes can end in. */

/** Bytes that break their codec's rules, or a value that a format cannot express. Names the value and what is allowed. */
export class CodecError extends Error {
  override readonly name = 'CodecError';
  /** What was found, where it is a number. */
  readonly value: number | null;
  /** The bound that it broke, where there is one. */
  readonly limit: number | null;

  constructor(message: string, value: number | null = null, limit: number | null = null) {
    super(message);
    this.value = value;
    this.limit = limit;
  }
}

/** Bytes that keep the rules of their codec, as far as they were read, but are more than this server takes. */
export class ExcessError extends CodecError {}

/** A number above its bound. */
export function tooLarge(what: string, value: number, limit: number): CodecError {
  return new CodecError(`${what} is ${value}, at most ${limit} is allowed`, value, limit);
}

/** Fewer bytes than a structure needs. */
export function tooShort(what: string, length: number, needed: number): CodecError {
  return new CodecError(`${what} has ${length} bytes, at least ${needed} are needed`, length, needed);
}
