/** What of the bit rates that publishers declare can be meant. */

/** Less is what encoders write that do not know their rate: it counts as not declared. kbit/s of 1000 bits. */
export const MIN_DECLARED_KBITS = 8;
