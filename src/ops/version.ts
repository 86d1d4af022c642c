/** What this program is: its name, version and the runtime that it runs on. */
import { readFileSync } from 'node:fs';

/** The program's name, as `bin_info` shows it. */
export const NAME = 'Millrace';

/** The package's version, e.g. `0.1.0`. */
export const VERSION: string = readVersion();

/** The runtime, e.g. `node v26.10.0, linux/x64`. */
export const RUNTIME = `node ${process.version}, ${process.platform}/${process.arch}`;

/** The API's `bin_info`, e.g. `Millrace 0.1.0 (node v26.10.0, linux/x64)`. */
export const BIN_INFO = `${NAME} ${VERSION} (${RUNTIME})`;

/** What the HTTP header `Server` says, e.g. `millrace/0.1.0`. */
export const SERVER_NAME = `${NAME.toLowerCase()}/${VERSION}`;

/** src/ops and dist/ops lie equally deep in the package, so one relative path finds package.json from both. */
function readVersion(): string {
  const file: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  if (typeof file === 'object' && file !== null && 'version' in file && typeof file.version === 'string') {
    return file.version;
  }
  throw new Error('package.json of this installation names no version');
}
