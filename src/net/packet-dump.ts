/** A file of received packets: for each its length (4 bytes), when it came (8 bytes, milliseconds since 1970), its bytes; big endian. */
import { createWriteStream, type WriteStream } from 'node:fs';
import type { Log } from '../streams/index.ts';

const HEAD_BYTES = 12;
/** Where the disk is behind by more than this, packets are left out and counted. Bytes. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

/** Makes the file; one that is there is not overwritten. Whatever goes wrong is logged, and ends the dump alone. */
export class PacketDump {
  /** Null where the name is none that a file could have. */
  readonly #stream: WriteStream | null;
  readonly #file: string;
  readonly #log: Log;
  #hasFailed = false;
  #dropped = 0;

  constructor(file: string, log: Log) {
    this.#file = file;
    this.#log = log;
    this.#stream = this.#open();
    this.#stream?.on('error', (error) => this.#failed(error.message));
  }

  /** Takes a packet; never waits, never throws. */
  write(packet: Buffer, unixMs: number): void {
    if (this.#hasFailed || this.#stream === null) return;
    if (this.#stream.writableLength > MAX_WAITING_BYTES) {
      this.#dropped++;
      return;
    }
    const record = Buffer.allocUnsafe(HEAD_BYTES + packet.length);
    record.writeUInt32BE(packet.length, 0);
    record.writeBigUInt64BE(BigInt(Math.floor(unixMs)), 4);
    packet.copy(record, HEAD_BYTES);
    this.#stream.write(record);
  }

  close(): void {
    if (this.#hasFailed) return;
    if (this.#dropped > 0) {
      this.#log.warn(
        { file: this.#file, dropped: this.#dropped },
        'packets are missing in the dump, the disk was too slow',
      );
    }
    this.#stream?.end();
  }

  #open(): WriteStream | null {
    try {
      return createWriteStream(this.#file, { flags: 'wx' });
    } catch (error) {
      this.#failed(error instanceof Error ? error.message : String(error));
      return null;
    }
  }

  #failed(error: string): void {
    this.#hasFailed = true;
    this.#log.warn({ file: this.#file, error }, 'no more packets are dumped, the stream goes on');
  }
}
