/** What a connection tells its peer beside the media, and a bound on what the peer leaves unread of it. */
import type { Socket } from 'node:net';
import { ChunkWriter, MEDIA_STREAM_ID, onStatus, RtmpError, type RtmpMessage } from '../../wire/rtmp/index.ts';

/** Answers that may wait for a peer that does not read them; more is a fault. Bytes. */
const MAX_UNREAD_BYTES = 1024 * 1024;

export class Answers {
  readonly #socket: Socket;
  readonly #writer = new ChunkWriter();
  #unreadBytes = 0;
  #isBounded = true;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** @throws RtmpError where the peer leaves too much unread, until `unbound` */
  send(message: RtmpMessage): void {
    if (!this.#socket.writable) return;
    const bytes = this.#writer.write(message);
    if (this.#socket.writableLength === 0) this.#unreadBytes = 0;
    this.#unreadBytes += bytes.length;
    if (this.#isBounded && this.#unreadBytes > MAX_UNREAD_BYTES) {
      const found = `${this.#unreadBytes} bytes of answers that the peer does not read`;
      throw new RtmpError('limit', `${found}, allowed are ${MAX_UNREAD_BYTES}`);
    }
    this.#socket.write(bytes);
  }

  /** `onStatus` of the connection's one message stream. @throws as `send` */
  status(level: 'status' | 'error', code: string, description: string, details?: string): void {
    this.send(onStatus(MEDIA_STREAM_ID, level, code, description, details));
  }

  /** The connection ends, and the peer asks for nothing any more: its last words are few, and `send` throws no more. */
  unbound(): void {
    this.#isBounded = false;
  }
}
