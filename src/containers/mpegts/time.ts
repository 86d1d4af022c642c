/** Milliseconds to the 90 kHz ticks of transport streams and back, over the wrap of their 33 bits. */

export const TICKS_PER_MS = 90;
/** pts, dts and the PCR's base count modulo this (ISO 13818-1 2.4.3.5, 2.4.3.7): about 26.5 hours. */
export const TICKS_MODULUS: number = 2 ** 33;

/** Whole 90 kHz ticks of a time in milliseconds, which may be fractional, negative or beyond the wrap. */
export function toTicks(ms: number): number {
  return Math.round(ms * TICKS_PER_MS);
}

/** The 33 bits of ticks that are written. */
export function wrapTicks(ticks: number): number {
  return ticks - Math.floor(ticks / TICKS_MODULUS) * TICKS_MODULUS;
}

/** The value that is nearest to `reference` of those that are written as `wrapped`. */
export function unwrapTicks(wrapped: number, reference: number): number {
  return wrapped + Math.round((reference - wrapped) / TICKS_MODULUS) * TICKS_MODULUS;
}
