/** What a program stream holds, as tracks and frames for its stream. */
import type { TsEvent } from '../../containers/mpegts/index.ts';
import { PsDemuxer } from '../../containers/ps/index.ts';
import type { Frame } from '../../media/index.ts';
import type { PeerFaults } from '../../net/index.ts';
import type { Log, Publisher } from '../../streams/index.ts';
import type { Gb28181Deps } from './options.ts';

/** Different things about one publisher's media that are named in the log; more would be noise. */
const MAX_COMPLAINTS = 20;
/** The least step from one sender's last frame to the next one's first. Milliseconds. */
const MIN_STEP_MS = 40;

/** Payloads in, in order; tracks and frames out. What cannot be used is left out and named in the log, each thing once. */
export class PsPublish {
  readonly publisher: Publisher;
  readonly #log: Log;
  readonly #faults: PeerFaults | undefined;
  readonly #demuxer = new PsDemuxer();
  readonly #complaints = new Set<string>();
  /** Bytes of no use. */
  skippedBytes = 0;
  /** What is added to the sender's times. */
  #offsetMs = 0;
  #lastMs: number | null = null;
  /** Between the last frame and the next one, whose sender has a clock of its own; null: the clock is the same. */
  #stepMs: number | null = null;

  constructor(publisher: Publisher, { log, faults }: Pick<Gb28181Deps, 'log' | 'faults'>) {
    this.publisher = publisher;
    this.#log = log;
    this.#faults = faults;
  }

  get droppedFrames(): number {
    return this.#demuxer.droppedFrames;
  }

  push(payload: Buffer): void {
    for (const event of this.#demuxer.push(payload)) this.#onEvent(event);
  }

  /** What comes next does not follow what came last. */
  lost(): void {
    this.#demuxer.lost();
  }

  /** A sender begins, `silentMs` after the last packet: its clock has nothing to do with the one before. */
  restart(silentMs: number): void {
    this.#demuxer.lost();
    this.#stepMs = Math.max(MIN_STEP_MS, silentMs);
  }

  #onEvent(event: TsEvent): void {
    switch (event.type) {
      case 'frame':
        this.#write(event.frame);
        return;
      case 'tracks':
        this.publisher.setTracks(event.tracks);
        return;
      case 'skipped':
        this.skippedBytes += event.bytes;
        return;
      case 'excess':
        this.#faults?.tell('PS', 'limit', { session: this.publisher.id }, `left out: ${event.reason}`);
        return;
      case 'problem':
        this.#complain(`stream_id 0x${event.pid.toString(16)}: ${event.reason}`);
        return;
      default:
        return;
    }
  }

  #write(frame: Frame): void {
    if (this.#stepMs !== null) {
      if (this.#lastMs !== null) this.#offsetMs = this.#lastMs + this.#stepMs - frame.dts;
      this.#stepMs = null;
    }
    const dts = frame.dts + this.#offsetMs;
    this.#lastMs = Math.max(this.#lastMs ?? dts, dts);
    this.publisher.write(this.#offsetMs === 0 ? frame : { ...frame, dts, pts: frame.pts + this.#offsetMs });
  }

  #complain(what: string): void {
    if (this.#complaints.size >= MAX_COMPLAINTS || this.#complaints.has(what)) return;
    this.#complaints.add(what);
    this.#log.warn({ session: this.publisher.id }, what);
  }
}
