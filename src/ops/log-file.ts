/** The log's file: appended line by line, rotated by day or hour; its faults never reach who logs. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { makeFolder } from '../host/index.ts';
import { outdated, periodEnd, periodStamp, type RotationPeriod } from './rotation.ts';

export interface LogFileOptions {
  /** Its folder is created where it is not there. */
  readonly filename: string;
  readonly rotate: RotationPeriod;
  /** Rotated files older than this many days are removed; 0: none are. */
  readonly maxRotateDays: number;
  /** Milliseconds since 1970. */
  readonly unixMs: () => number;
  /** Is told once of each outage and once of its end, and of what else fails while rotating. */
  readonly report: (sentence: string) => void;
}

/** How long a file that cannot be opened is left alone. Milliseconds. */
const REOPEN_MS = 1000;

/**
 * Writes are synchronous: a log line is rare (nothing is logged per frame) and is to be there after a crash. While the
 * disk is full or the file cannot be opened, lines are lost and counted.
 */
export class LogFile {
  readonly #options: LogFileOptions;
  #fd: number | null = null;
  #periodStartedMs: number;
  #periodEndMs: number;
  /** A write stopped in mid-line, so the next one begins with a line break. */
  #isCut = false;
  #lostLines = 0;
  #isOutageReported = false;
  #retryAtMs = 0;
  #isClosed = false;

  constructor(options: LogFileOptions) {
    this.#options = { ...options, filename: resolve(options.filename) };
    const now = options.unixMs();
    this.#periodStartedMs = now;
    this.#periodEndMs = periodEnd(options.rotate, now);
    this.#open(now);
  }

  /** Appends a line, its line break included. Never throws. */
  write(line: string): void {
    if (this.#isClosed) return;
    const now = this.#options.unixMs();
    if (now >= this.#periodEndMs) this.#rotate(now);
    if (this.#fd === null) {
      const isTooSoon = now < this.#retryAtMs && this.#retryAtMs - now <= REOPEN_MS;
      if (isTooSoon || !this.#open(now)) {
        this.#lostLines++;
        return;
      }
    }
    this.#append(line);
  }

  /** Everything is on the disk afterwards; later lines are dropped. Never throws. */
  close(): void {
    this.#isClosed = true;
    const fd = this.#fd;
    if (fd === null) return;
    this.#fd = null;
    this.#attempt('flushed', () => fsyncSync(fd));
    this.#attempt('closed', () => closeSync(fd));
  }

  #append(line: string): void {
    const fd = this.#fd;
    if (fd === null) return;
    const bytes = Buffer.from(this.#isCut ? `\n${line}` : line);
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(fd, bytes, written);
    } catch (error) {
      if (written > 0) this.#isCut = true;
      this.#lostLines++;
      this.#reportOutage('written', error);
      return;
    }
    this.#isCut = false;
    if (this.#isOutageReported) {
      this.#options.report(
        `the log file ${this.#options.filename} is written again; ${this.#lostLines} lines were lost`,
      );
      this.#isOutageReported = false;
    }
    this.#lostLines = 0;
  }

  #open(now: number): boolean {
    const { filename } = this.#options;
    try {
      makeFolder(dirname(filename));
      this.#putAwayOlderFile(now);
      this.#fd = openSync(filename, 'a');
    } catch (error) {
      this.#retryAtMs = now + REOPEN_MS;
      this.#reportOutage('opened', error);
      return false;
    }
    this.#removeOutdated(now);
    return true;
  }

  /** What an earlier run of the program left gets the name of its own day or hour. */
  #putAwayOlderFile(now: number): void {
    const { filename, rotate } = this.#options;
    if (rotate === 'never') return;
    const left = statSync(filename, { throwIfNoEntry: false });
    if (left === undefined || left.size === 0 || now < periodEnd(rotate, left.mtimeMs)) return;
    this.#attempt('rotated', () => renameSync(filename, this.#freeName(periodStamp(rotate, left.mtimeMs))));
  }

  #rotate(now: number): void {
    const { filename, rotate } = this.#options;
    const target = this.#freeName(periodStamp(rotate, this.#periodStartedMs));
    this.#periodStartedMs = now;
    this.#periodEndMs = periodEnd(rotate, now);
    const fd = this.#fd;
    if (fd === null) return;
    // Where the old one cannot be renamed, lines go on into it: too long a file is better than none.
    const isRenamed = this.#attempt('rotated', () => renameSync(filename, target));
    if (!isRenamed && existsSync(filename)) return;
    this.#fd = null;
    this.#isCut = false;
    this.#attempt('closed', () => closeSync(fd));
    this.#open(now);
  }

  /** A name that is taken (the clock was put back, an hour came twice) is numbered, never overwritten. */
  #freeName(stamp: string): string {
    const name = `${this.#options.filename}.${stamp}`;
    if (!existsSync(name)) return name;
    let n = 1;
    while (existsSync(`${name}.${n}`)) n++;
    return `${name}.${n}`;
  }

  #removeOutdated(now: number): void {
    const { filename, rotate, maxRotateDays } = this.#options;
    if (rotate === 'never' || maxRotateDays <= 0) return;
    const folder = dirname(filename);
    this.#attempt('cleared of old ones', () => {
      for (const name of outdated(basename(filename), readdirSync(folder), maxRotateDays, now)) {
        unlinkSync(join(folder, name));
      }
    });
  }

  #attempt(what: string, action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      this.#report(what, error);
      return false;
    }
  }

  #reportOutage(what: string, error: unknown): void {
    if (this.#isOutageReported) return;
    this.#isOutageReported = true;
    this.#report(what, error);
  }

  #report(what: string, error: unknown): void {
    const cause = error instanceof Error ? error.message : String(error);
    this.#options.report(`the log file ${this.#options.filename} could not be ${what}: ${cause}`);
  }
}
