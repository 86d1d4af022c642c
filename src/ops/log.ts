/** The server's log: pino, pretty on a terminal and JSON lines elsewhere, and a file that is rotated. */
import { writeSync } from 'node:fs';
import { type Logger, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { createRedactor } from '../net/index.ts';
import type { Log } from '../streams/index.ts';
import { LogFile } from './log-file.ts';
import type { RotationPeriod } from './rotation.ts';

/** What the log is to be; the configuration's section `log` is mapped onto it. */
export interface LogOptions {
  /** 0 trace, 1 debug, 2 info, 3 warn, 4 error, 5 fatal, 6 panic (here the same as 5), 7 nothing. */
  readonly level: number;
  /** JSON lines are appended to this file; empty: none. */
  readonly filename: string;
  readonly isToStdout: boolean;
  /** The file becomes FILE.YYYYMMDD at local midnight. */
  readonly isRotateDaily: boolean;
  /** The file becomes FILE.YYYYMMDDHH at each full hour; goes before `isRotateDaily`. */
  readonly isRotateHourly: boolean;
  /** Rotated files older than this many days are removed; 0: none are. */
  readonly maxRotateDays: number;
  /** Whether lines bear the time, and whether it has milliseconds. */
  readonly hasTimestamp: boolean;
  readonly hasTimestampMs: boolean;
  /** Parameters of URLs that are secret here, beside those that always are. */
  readonly secretParams: readonly string[];
}

/** What the log uses of its surroundings; tests hand in their own. */
export interface LogSurroundings {
  /** Milliseconds since 1970. */
  readonly unixMs: () => number;
  readonly stdout: LineSink;
  /** Whether stdout is a terminal, which gets readable lines. */
  readonly isTerminal: boolean;
  readonly hasColors: boolean;
  /** Is told of faults of the log itself. */
  readonly reportFault: (sentence: string) => void;
}

/** Takes whole lines, each with its line break. Must not throw. */
interface LineSink {
  write(line: string): void;
}

/** The log as the server's own files see it. Nothing that is logged waits in memory, so an exit loses nothing. */
export interface RootLog extends Log {
  trace(fields: object, message: string): void;
  /** For what ends the program. */
  fatal(fields: object, message: string): void;
  /** A log whose lines all bear `fields`. It has the level that this one has now, and ends with it. */
  child(fields: object): Log;
  /** For the lines from now on. */
  update(options: Pick<LogOptions, 'level' | 'secretParams'>): void;
  /** Resolves once the file is on the disk. Lines that come later go to stdout only. */
  close(): Promise<void>;
}

const LEVEL_NAMES = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'fatal', 'silent'] as const;

/** Opens the log. A file that cannot be written is reported to stderr once and never stops the server. */
export function createLog(options: LogOptions, given: Partial<LogSurroundings> = {}): RootLog {
  const surroundings: LogSurroundings = {
    unixMs: Date.now,
    stdout: given.stdout ?? processStdout(),
    isTerminal: process.stdout.isTTY,
    hasColors: process.stdout.isTTY && process.stdout.hasColors(),
    reportFault: reportToStderr,
    ...given,
  };
  const sinks: LineSink[] = [];
  if (options.isToStdout) sinks.push(stdoutSink(options, surroundings));
  const file = openFile(options, surroundings);
  if (file !== null) sinks.push(file);
  let redact = createRedactor(options.secretParams);
  const write = (line: string): void => {
    const told = redact(line);
    for (const sink of sinks) sink.write(told);
  };
  const levelName = (level: number): string => (sinks.length === 0 ? 'silent' : (LEVEL_NAMES[level] ?? 'debug'));
  const logger = createPino(options, levelName(options.level), write, surroundings.unixMs);
  return rootLog(logger, file, ({ level, secretParams }) => {
    logger.level = levelName(level);
    redact = createRedactor(secretParams);
  });
}

function createPino(
  { hasTimestamp, hasTimestampMs }: LogOptions,
  level: string,
  write: (line: string) => void,
  unixMs: () => number,
): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: hasTimestamp && (() => `,"time":"${isoTime(unixMs(), hasTimestampMs)}"`),
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.err },
    },
    { write },
  );
}

function rootLog(logger: Logger, file: LogFile | null, update: RootLog['update']): RootLog {
  return {
    trace: (fields, message) => logger.trace(fields, message),
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
    fatal: (fields, message) => logger.fatal(fields, message),
    child: (fields) => logger.child(fields),
    update,
    close: async () => file?.close(),
  };
}

function openFile(options: LogOptions, { unixMs, reportFault }: LogSurroundings): LogFile | null {
  const { filename, isRotateHourly, isRotateDaily, maxRotateDays } = options;
  if (filename === '') return null;
  const daily: RotationPeriod = isRotateDaily ? 'daily' : 'never';
  const rotate = isRotateHourly ? 'hourly' : daily;
  return new LogFile({ filename, rotate, maxRotateDays, unixMs, report: reportFault });
}

function stdoutSink(options: LogOptions, { stdout, isTerminal, hasColors }: LogSurroundings): LineSink {
  if (!isTerminal) return stdout;
  const format = prettyFactory({
    colorize: hasColors,
    singleLine: true,
    translateTime: options.hasTimestampMs ? 'SYS:yyyy-mm-dd HH:MM:ss.l' : 'SYS:yyyy-mm-dd HH:MM:ss',
  });
  return { write: (line) => stdout.write(format(line)) };
}

/** Written at once, so that nothing waits at the exit. A full disk or a reader that has gone must not end the server. */
function processStdout(): LineSink {
  const destination = pino.destination({ dest: 1, sync: true });
  let isReported = false;
  destination.on('error', (error: Error) => {
    if (isReported) return;
    isReported = true;
    reportToStderr(`the log could not be written to stdout: ${error.message}`);
  });
  return destination;
}

function reportToStderr(sentence: string): void {
  try {
    writeSync(2, `millrace: ${sentence}\n`);
  } catch {
    // Nobody is left who could be told.
  }
}

function isoTime(unixMs: number, hasMs: boolean): string {
  const text = new Date(unixMs).toISOString();
  return hasMs ? text : text.replace(/\.\d+Z$/, 'Z');
}
