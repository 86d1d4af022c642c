/** What an RTMP publisher sends, as tracks and frames for its stream. */
import { TAG_TYPE, type TagEvent, TagReader } from '../../containers/flv/index.ts';
import type { PeerFaults } from '../../net/index.ts';
import type { Log, Publisher } from '../../streams/index.ts';
import type { MediaMessage } from '../../wire/rtmp/index.ts';

/** Different things about one publisher's media that are named in the log; more would be noise. */
const MAX_COMPLAINTS = 20;

/** Media messages in, tracks and frames out. What cannot be used is left out and named in the log, each thing once. */
export class RtmpPublish {
  readonly publisher: Publisher;
  readonly #log: Log;
  readonly #faults: PeerFaults;
  readonly #reader = new TagReader();
  readonly #complaints = new Set<string>();

  constructor(publisher: Publisher, { log, faults }: { readonly log: Log; readonly faults: PeerFaults }) {
    this.publisher = publisher;
    this.#log = log;
    this.#faults = faults;
  }

  onMedia(message: MediaMessage): void {
    this.#reader.read(
      TAG_TYPE[message.type === 'data' ? 'script' : message.type],
      message.timestamp,
      message.payload,
      this,
    );
  }

  /** Takes what the reader found. */
  push(event: TagEvent): void {
    switch (event.kind) {
      case 'frame':
        this.publisher.write(event.frame);
        return;
      case 'tracks':
        this.publisher.setTracks(event.tracks);
        return;
      case 'unsupported':
        this.#complain(`codec ${event.codecName} cannot be carried and is left out`);
        return;
      case 'corrupt':
        this.#complain(`left out, since it is broken: ${event.why}`);
        return;
      case 'excessive':
        this.#faults.tell('RTMP', 'limit', { session: this.publisher.id }, `left out: ${event.why}`);
        return;
      default:
        return;
    }
  }

  #complain(what: string): void {
    if (this.#complaints.size >= MAX_COMPLAINTS || this.#complaints.has(what)) return;
    this.#complaints.add(what);
    this.#log.warn({ session: this.publisher.id }, what);
  }
}
