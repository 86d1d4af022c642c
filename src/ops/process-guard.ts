/** The last resort: an error that nothing caught is logged and ends the program, since its state is unknown then. */

/** What the guard needs of the log. */
interface FatalLog {
  fatal(fields: object, message: string): void;
}

/**
 * From now on an uncaught exception or unhandled rejection is logged as fatal and ends the program with exit code 1.
 * Returns what takes the guard away again.
 */
export function installProcessGuard(log: FatalLog): () => void {
  const onError = (error: unknown): void => {
    try {
      log.fatal({ error }, 'An error that nothing caught ends the server');
    } finally {
      process.exit(1);
    }
  };
  process.on('uncaughtException', onError);
  process.on('unhandledRejection', onError);
  return () => {
    process.removeListener('uncaughtException', onError);
    process.removeListener('unhandledRejection', onError);
  };
}
