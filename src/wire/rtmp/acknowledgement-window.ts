/** When to tell the peer how much has arrived (RTMP 1.0 5.4.3, 5.4.4). */

/** Counts what was received and says when an Acknowledgement is due. */
export class AcknowledgementWindow {
  #window = 0;
  #received = 0;
  #acknowledged = 0;

  /** The peer's Window Acknowledgement Size, bytes; 0: it wants none, which is also the state at the start. */
  setWindow(size: number): void {
    this.#window = size;
  }

  /**
   * Counts `bytes` more.
   * @returns the sequence number to acknowledge now (all bytes received, mod 2^32), or null. It is due at half the window:
   *   a peer that stops sending at a full window then never has to
   */
  received(bytes: number): number | null {
    this.#received += bytes;
    if (this.#window === 0 || this.#received - this.#acknowledged < this.#window / 2) return null;
    this.#acknowledged = this.#received;
    return this.#received % 0x1_0000_0000;
  }
}
