/** One timeline for a publication's media, out of RTP timestamps, arrival, and sender reports. */

/** Where a stream's time begins, so that what belongs a little before its first frame has a time, too. Milliseconds. */
export const START_MS = 1000;
/** No medium begins before this: decoding times lie before presentation times. */
const FLOOR_MS = 500;
/** Sender reports that put the media farther apart than their arrival does are not believed. Milliseconds. */
const MAX_REPORT_MS = 10_000;
/** Audio that is off by less than this is left as it is. Milliseconds. */
const DEAD_BAND_MS = 5;
/** Audio that is off by up to this is led there step by step; by more, one of the media jumps ahead at once. Milliseconds. */
const MAX_SLEW_MS = 500;
/** Of the time that passes. */
const SLEW_PART = 0.02;

interface MediumClock {
  readonly kind: 'video' | 'audio';
  readonly rate: number;
  /** The last timestamp, and what it is counted on from the first. */
  timestamp: number | null;
  ticks: number;
  /** From the medium's own milliseconds to the stream's; null: no packet has come. */
  offset: number | null;
  /** What is still to be added to `offset`, step by step. */
  pending: number;
  /** The stream's time of the last packet, and when it came. */
  time: number;
  arrivedMs: number;
  /** The last sender report: the sender's time of day at the medium's own milliseconds. */
  report: { readonly unixMs: number; readonly raw: number } | null;
  /** It began anew, and has been seen before. */
  resumes: boolean;
}

/**
 * The first medium begins at `START_MS`. Another one begins where the sender reports of both say, where they have come, else
 * where it is by its arrival. Reports that come later correct audio against video: by less than 5 ms not at all, up to
 * 500 ms by 2 % of the time that passes, and beyond that at once, where what is early is moved ahead, so that no time goes back.
 */
export class StreamClock {
  readonly #media: readonly MediumClock[];

  constructor(media: readonly { readonly kind: 'video' | 'audio'; readonly clockRate: number }[]) {
    this.#media = media.map(({ kind, clockRate }) => ({
      kind,
      rate: clockRate,
      timestamp: null,
      ticks: 0,
      offset: null,
      pending: 0,
      time: 0,
      arrivedMs: 0,
      report: null,
      resumes: false,
    }));
  }

  /** A packet, in order; before `time` is asked for its timestamp. */
  arrive(index: number, timestamp: number, nowMs: number): void {
    const medium = this.#media[index];
    if (medium === undefined) return;
    const before = rawOf(medium, medium.ticks);
    medium.ticks = unwrap(medium, timestamp);
    medium.timestamp = timestamp;
    const raw = rawOf(medium, medium.ticks);
    if (medium.offset === null) medium.offset = this.#start(medium, raw, nowMs) - raw;
    else if (medium.pending !== 0 && raw > before) {
      const most = (raw - before) * SLEW_PART;
      const step = Math.max(-most, Math.min(most, medium.pending));
      medium.offset += step;
      medium.pending -= step;
    }
    medium.time = raw + medium.offset;
    medium.arrivedMs = nowMs;
  }

  /** The stream's time, in milliseconds, of a timestamp near the last that arrived. */
  time(index: number, timestamp: number): number {
    const medium = this.#media[index];
    if (medium === undefined) return 0;
    return rawOf(medium, unwrap(medium, timestamp)) + (medium.offset ?? 0);
  }

  /** Before the first frame is handed on: it is to have this time, and all others move with it. */
  moveTo(index: number, timestamp: number, time: number): void {
    const by = time - this.time(index, timestamp);
    for (const medium of this.#media) move(medium, by);
  }

  /** The medium's next timestamp has nothing to do with those before: it goes on by arrival. */
  restart(index: number): void {
    const medium = this.#media[index];
    if (medium === undefined || medium.offset === null) return;
    medium.timestamp = null;
    medium.ticks = 0;
    medium.offset = null;
    medium.pending = 0;
    medium.report = null;
    medium.resumes = true;
  }

  /** A sender report of the medium. Null, or why it is not believed. */
  report(index: number, unixMs: number, timestamp: number): string | null {
    const medium = this.#media[index];
    if (medium === undefined) return null;
    if (medium.timestamp === null) medium.timestamp = timestamp;
    medium.report = { unixMs, raw: rawOf(medium, unwrap(medium, timestamp)) };
    const audio = this.#media.find(({ kind, offset }) => kind === 'audio' && offset !== null);
    const video = this.#media.find(({ kind, offset }) => kind === 'video' && offset !== null);
    return audio === undefined || video === undefined ? null : correct(audio, video);
  }

  /** The stream's time at which a medium begins. */
  #start(medium: MediumClock, raw: number, nowMs: number): number {
    if (medium.resumes) return medium.time + Math.max(0, nowMs - medium.arrivedMs);
    const other = this.#media.find(({ offset }) => offset !== null);
    if (other === undefined) return START_MS;
    const byArrival = other.time + nowMs - other.arrivedMs;
    const byReports = reportedTime(medium, raw, other);
    const isBelieved = byReports !== null && Math.abs(byReports - byArrival) <= MAX_REPORT_MS;
    const time = isBelieved ? byReports : byArrival;
    if (time < FLOOR_MS) for (const each of this.#media) move(each, FLOOR_MS - time);
    return Math.max(time, FLOOR_MS);
  }
}

/** Where sender reports put a medium's own time on the stream's, by another medium; null: there are none. */
function reportedTime(medium: MediumClock, raw: number, other: MediumClock): number | null {
  if (medium.report === null || other.report === null || other.offset === null) return null;
  const unixMs = medium.report.unixMs + raw - medium.report.raw;
  return other.report.raw + unixMs - other.report.unixMs + other.offset + other.pending;
}

/** Leads audio to where the reports of both say. */
function correct(audio: MediumClock, video: MediumClock): string | null {
  const raw = audio.report?.raw ?? 0;
  const wanted = reportedTime(audio, raw, video);
  if (wanted === null || audio.offset === null) return null;
  const off = wanted - raw - audio.offset;
  if (Math.abs(off) > MAX_REPORT_MS) {
    return `sender reports put audio ${Math.round(off)} ms from where it arrives, up to ${MAX_REPORT_MS} are believed`;
  }
  audio.pending = 0;
  if (Math.abs(off) > MAX_SLEW_MS) move(off > 0 ? audio : video, Math.abs(off));
  else if (Math.abs(off) > DEAD_BAND_MS) audio.pending = off;
  return null;
}

function move(medium: MediumClock, by: number): void {
  if (medium.offset === null) return;
  medium.offset += by;
  medium.time += by;
}

/** Ticks since the first timestamp, of the timestamp that is nearest to the last. */
function unwrap(medium: MediumClock, timestamp: number): number {
  return medium.ticks + ((timestamp - (medium.timestamp ?? timestamp)) | 0);
}

function rawOf(medium: MediumClock, ticks: number): number {
  return (ticks * 1000) / medium.rate;
}
