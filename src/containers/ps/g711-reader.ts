/** Audio of G711: the payload of each PES packet is samples, one byte each. */
import type { PlainAudioTrack } from '../../media/index.ts';
import type { EventList } from '../mpegts/index.ts';

/** Hz. */
const SAMPLE_RATE = 8000;
const SAMPLES_PER_MS = SAMPLE_RATE / 1000;

export class G711Reader {
  readonly #track: PlainAudioTrack;
  readonly #events: EventList;
  /** When the next sample sounds, in milliseconds; null before the first pts. */
  #time: number | null = null;

  constructor(codec: 'PCMA' | 'PCMU', events: EventList) {
    this.#track = { kind: 'audio', codec, sampleRate: SAMPLE_RATE, channels: 1 };
    this.#events = events;
  }

  push(payload: Buffer, pts: number | null): void {
    if (pts !== null) this.#time = pts;
    const time = this.#time;
    if (time === null || payload.length === 0) return;
    this.#events.setAudio(this.#track);
    const { codec } = this.#track;
    this.#events.push({ type: 'frame', frame: { kind: 'audio', codec, dts: time, pts: time, data: payload } });
    this.#time = time + payload.length / SAMPLES_PER_MS;
  }

  /** Bytes were lost; the next pts tells the time anew. */
  reset(): void {
    this.#time = null;
  }
}
