/** Sections put together from the packets of one PID (ISO 13818-1 2.4.4.1, 2.4.4.2). */
import { checkSection, MAX_SECTION_LENGTH, type PsiProblem, SECTION_START_BYTES } from './psi.ts';

/** What follows the last section of a packet. */
const STUFFING = 0xff;

/** Takes the payloads of a PID in order; gives checked sections, and what was wrong with others. */
export class SectionAssembler {
  /** The beginning of a section; null: none has begun, wait for a packet in which one does. */
  #pending: Buffer | null = null;

  /** A packet was lost, and with it what was begun. */
  reset(): void {
    this.#pending = null;
  }

  /** @param starts payload_unit_start_indicator: the payload begins with a pointer_field */
  push(payload: Buffer, starts: boolean): (Buffer | PsiProblem)[] {
    const found: (Buffer | PsiProblem)[] = [];
    if (!starts) {
      this.#append(payload, found);
      return found;
    }
    const begin = 1 + (payload[0] ?? 0);
    if (begin > payload.length) {
      this.#pending = null;
      return ['section is cut short'];
    }
    this.#append(payload.subarray(1, begin), found);
    this.#pending = Buffer.alloc(0);
    this.#append(payload.subarray(begin), found);
    return found;
  }

  #append(bytes: Buffer, found: (Buffer | PsiProblem)[]): void {
    if (this.#pending === null) return;
    let rest: Buffer = Buffer.concat([this.#pending, bytes]);
    this.#pending = null;
    for (;;) {
      if (rest[0] === STUFFING) return;
      if (rest.length < SECTION_START_BYTES) break;
      const length = rest.readUInt16BE(1) & 0x0fff;
      if (length > MAX_SECTION_LENGTH) {
        found.push('section is too long');
        return;
      }
      const end = SECTION_START_BYTES + length;
      if (rest.length < end) break;
      const section = rest.subarray(0, end);
      found.push(checkSection(section) ?? section);
      rest = rest.subarray(end);
    }
    this.#pending = rest;
  }
}
