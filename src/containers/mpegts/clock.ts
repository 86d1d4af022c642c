/** When a PCR is due, and of which value: at least every 100 ms of stream time (ISO 13818-1 2.7.2). Ticks are 90 kHz, unwrapped. */
import { toTicks } from './time.ts';

/** The longest between two PCRs. */
const MAX_INTERVAL = toTicks(100);
/** A frame this long after the last PCR carries one, so that the next frame, at most 60 ms on, is not too late. */
const DUE_INTERVAL = toTicks(40);
/** Audio this far on since the last PCR stands in for a video track that carries the PCR and is silent. */
const STAND_IN_INTERVAL = toTicks(80);
/** A step ahead of more than this is a new time base, not a gap to be filled with PCRs. */
const MAX_GAP = toTicks(10_000);
/** pts and dts are written this much later than they are and the PCR is not, so it stays behind them: ffmpeg's own 700 ms. */
export const PCR_LEAD: number = toTicks(700);

/** Decides for each frame, by `plan...`, which PCRs are written before it and with it; then read the fields. */
export class PcrClock {
  /** The last PCR written. */
  #last = Number.NaN;
  /** The dts of audio that belongs to `#last` where audio stands in; NaN: none yet. */
  #audioMark = Number.NaN;
  #fillerBase = 0;
  #fillerStep = 0;
  /** How many PCR-only packets to write before the frame; `fillerPcr` tells their values. */
  fillers = 0;
  /** The PCR that the frame itself carries; NaN: none. */
  pcr = Number.NaN;
  /** The first PCR that is written begins a new time base (ISO 13818-1 2.4.3.5, discontinuity_indicator). */
  discontinuity = false;

  /**
   * For a frame of the PID that carries the PCR.
   * @param must a PCR is wanted whatever the interval (a key frame)
   */
  plan(dts: number, must: boolean): void {
    this.#reset();
    const step = dts - this.#last;
    if (Number.isNaN(step)) {
      this.#carry(dts);
    } else if (step < -PCR_LEAD || step > MAX_GAP) {
      this.discontinuity = true;
      this.#carry(dts);
    } else if (step >= DUE_INTERVAL || must) {
      if (step > MAX_INTERVAL) this.#fill(step, Math.ceil(step / MAX_INTERVAL) - 1);
      // time that went back a little: the PCR must not
      this.#carry(Math.max(dts, this.#last));
    }
  }

  /** For a frame of another PID than the one that carries the PCR, which may have fallen silent. */
  planStandIn(dts: number): void {
    this.#reset();
    if (Number.isNaN(this.#last)) {
      this.#fillFirst(dts);
      return;
    }
    const passed = dts - this.#audioMark;
    if (Number.isNaN(passed) || passed < 0 || passed > MAX_GAP) {
      this.#audioMark = dts;
      return;
    }
    if (passed < STAND_IN_INTERVAL) return;
    // the PCR goes on at the pace of audio from where video left it, whatever the two are apart
    const next = this.#last + passed;
    if (next > dts + PCR_LEAD || next < dts - MAX_GAP) {
      this.discontinuity = true;
      this.#fillFirst(dts);
      return;
    }
    this.#fill(passed, Math.ceil(passed / MAX_INTERVAL));
    this.#last = next;
    this.#audioMark = dts;
  }

  /** The PCR of the PCR-only packet `index`, from 0 on. */
  fillerPcr(index: number): number {
    return Math.round(this.#fillerBase + (index + 1) * this.#fillerStep);
  }

  #reset(): void {
    this.fillers = 0;
    this.pcr = Number.NaN;
    this.discontinuity = false;
  }

  #carry(pcr: number): void {
    this.pcr = pcr;
    this.#last = pcr;
    this.#audioMark = Number.NaN;
  }

  /** `count` PCRs, evenly over the ticks that follow the last one. */
  #fill(span: number, count: number): void {
    this.#fillerBase = this.#last;
    this.#fillerStep = span / Math.ceil(span / MAX_INTERVAL);
    this.fillers = count;
  }

  #fillFirst(dts: number): void {
    this.fillers = 1;
    this.#fillerBase = dts;
    this.#fillerStep = 0;
    this.#last = dts;
    this.#audioMark = dts;
  }
}
