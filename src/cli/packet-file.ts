/** Reads what `PacketDump` wrote: for each packet its length (4 bytes), when it came (8 bytes), its bytes; big endian. */
import { createReadStream } from 'node:fs';
import { ByteQueue } from '../media/index.ts';

export interface RecordedPacket {
  /** When it came, milliseconds since 1970. */
  readonly unixMs: number;
  readonly bytes: Buffer;
}

const HEAD_BYTES = 12;
/** A read of a socket or a datagram is far less. Bytes. */
const MAX_PACKET_BYTES = 16 * 1024 * 1024;

/**
 * The packets in their order. Throws an Error where the file is no dump, or cannot be read. A last packet that is not
 * complete, as a crash leaves it, is left out, and `onCut` told.
 */
export async function* readPackets(file: string, onCut: (bytes: number) => void): AsyncGenerator<RecordedPacket> {
  const queue = new ByteQueue();
  for await (const piece of createReadStream(file) as AsyncIterable<Buffer>) {
    queue.push(piece);
    for (let packet = nextPacket(queue, file); packet !== null; packet = nextPacket(queue, file)) yield packet;
  }
  if (queue.length > 0) onCut(queue.length);
}

/** Null: it is not complete. */
function nextPacket(queue: ByteQueue, file: string): RecordedPacket | null {
  if (queue.length < HEAD_BYTES) return null;
  const head = queue.peek(HEAD_BYTES);
  const length = head.readUInt32BE(0);
  if (length > MAX_PACKET_BYTES) {
    throw new Error(`${file} is no dump: it has a packet of ${length} bytes, allowed are ${MAX_PACKET_BYTES}`);
  }
  if (queue.length < HEAD_BYTES + length) return null;
  queue.consume(HEAD_BYTES);
  return { unixMs: Number(head.readBigUInt64BE(4)), bytes: Buffer.from(queue.consume(length)) };
}
