/** What a measurement is given, and how it says what it found. */
import type { Workshop } from '../processes.ts';
import type { Row } from '../report.ts';

/** How large and how long. */
export interface Options {
  /** Measured windows, seconds. */
  readonly seconds: number;
  readonly players: number;
  readonly publishers: number;
  /** How long memory is watched, seconds. */
  readonly soakSeconds: number;
  /** Fetch node-media-server from npm where it is not there. */
  readonly installsNodeMediaServer: boolean;
}

export interface Bench {
  readonly workshop: Workshop;
  readonly options: Options;
  add(row: Row): void;
  /** What whoever waits may like to see. */
  progress(text: string): void;
  /** What was left out or is odd. */
  note(text: string): void;
}

/** Ends what it started, unless it rejects. */
export type Measurement = (bench: Bench) => Promise<void>;
