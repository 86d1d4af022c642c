/** A queue of bytes as they came from a socket, taken out again in whatever lengths a parser needs. */

/**
 * First in, first out. What is pushed is kept by reference, not copied, and must not be changed afterwards; what is taken
 * is a view of it, copied only where it lies across the boundary of two pushes.
 */
export class ByteQueue {
  #pieces: Buffer[] = [];
  /** Index of the first piece that still holds bytes; those before it are dropped now and then, not one by one. */
  #head = 0;
  /** Bytes of the first piece that were taken already. */
  #offset = 0;
  #length = 0;

  /** Bytes waiting. */
  get length(): number {
    return this.#length;
  }

  /** Appends `bytes`. */
  push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#length += bytes.length;
  }

  /** The byte `index` places behind the front. @throws RangeError where that many are not there */
  byteAt(index: number): number {
    let at = index + this.#offset;
    for (let i = this.#head; i < this.#pieces.length; i++) {
      const piece = this.#pieces[i];
      if (piece === undefined) break;
      const byte = piece[at];
      if (byte !== undefined) return byte;
      at -= piece.length;
    }
    throw new RangeError(`byte ${index} of ${this.#length} in the queue`);
  }

  /** The first `n` bytes, which stay in the queue. @throws RangeError where fewer are there */
  peek(n: number): Buffer {
    this.#mustHold(n);
    const first = this.#pieces[this.#head];
    if (first === undefined) return Buffer.alloc(0);
    if (n <= first.length - this.#offset) return first.subarray(this.#offset, this.#offset + n);
    const out = Buffer.allocUnsafe(n);
    let filled = first.copy(out, 0, this.#offset);
    for (let i = this.#head + 1; filled < n; i++) {
      const piece = this.#pieces[i];
      if (piece === undefined) break;
      filled += piece.copy(out, filled, 0, Math.min(piece.length, n - filled));
    }
    return out;
  }

  /** Takes the first `n` bytes. @throws RangeError where fewer are there: ask `length` first */
  consume(n: number): Buffer {
    const bytes = this.peek(n);
    this.#drop(n);
    return bytes;
  }

  /** Takes what can be had without a copy: between 1 and `max` bytes, none only where the queue or `max` is empty. */
  consumePiece(max: number): Buffer {
    const first = this.#pieces[this.#head];
    return this.consume(first === undefined ? 0 : Math.min(max, first.length - this.#offset));
  }

  /** Takes the first `n` bytes and forgets them. @throws RangeError where fewer are there */
  skip(n: number): void {
    this.#mustHold(n);
    this.#drop(n);
  }

  #mustHold(n: number): void {
    if (!(n >= 0 && n <= this.#length)) throw new RangeError(`${n} bytes wanted of ${this.#length} in the queue`);
  }

  #drop(n: number): void {
    this.#length -= n;
    this.#offset += n;
    for (;;) {
      const first = this.#pieces[this.#head];
      if (first === undefined || this.#offset < first.length) break;
      this.#offset -= first.length;
      this.#head++;
    }
    if (this.#head === this.#pieces.length) {
      this.#pieces.length = 0;
      this.#head = 0;
    } else if (this.#head >= 64 && this.#head * 2 >= this.#pieces.length) {
      // Often enough to let go of the memory, seldom enough to cost nothing per piece.
      this.#pieces.splice(0, this.#head);
      this.#head = 0;
    }
  }
}
