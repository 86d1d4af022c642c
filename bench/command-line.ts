/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util';
import { MEASUREMENTS, type MeasurementName } from './measurements/index.ts';
import type { Options } from './measurements/measurement.ts';
import { NODE_MEDIA_SERVER_FOLDER } from './other-servers.ts';

export interface CommandLine {
  readonly names: readonly MeasurementName[];
  readonly options: Options;
}

const NAMES = Object.keys(MEASUREMENTS) as MeasurementName[];

const HELP = `npm run bench -- [what…] [options]

What is measured; without a name, all of it:
${NAMES.map((name) => `  ${name.padEnd(11)} ${MEASUREMENTS[name].summary}`).join('\n')}

  --seconds N      length of each measured window (8)
  --players N      players of one stream (1000)
  --publishers N   publishers (500)
  --soak N         seconds that memory is watched (60); 3600 shows whether it is flat over an hour
  --install-node-media-server
                   fetch node-media-server from npm, to compare with, into
                   ${NODE_MEDIA_SERVER_FOLDER}
  --help           print this

It needs a C compiler (cc) and ffmpeg. Results are written to bench/results/.
`;

/** @throws Error with a message for the user */
export function readCommandLine(args: readonly string[]): CommandLine | { readonly help: string } {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '8' },
      players: { type: 'string', default: '1000' },
      publishers: { type: 'string', default: '500' },
      soak: { type: 'string', default: '60' },
      'install-node-media-server': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return { help: HELP };
  const unknown = positionals.filter((name) => !NAMES.some((known) => known === name));
  if (unknown.length > 0)
    throw new Error(`there is no measurement ${unknown.join(', ')}; there are ${NAMES.join(', ')}`);
  return {
    names: positionals.length === 0 ? NAMES : NAMES.filter((name) => positionals.includes(name)),
    options: {
      seconds: positive('seconds', values.seconds),
      players: whole('players', values.players),
      publishers: whole('publishers', values.publishers),
      soakSeconds: positive('soak', values.soak),
      installsNodeMediaServer: values['install-node-media-server'],
    },
  };
}

function whole(name: string, text: string): number {
  const value = positive(name, text);
  if (!Number.isInteger(value)) throw new Error(`--${name}: ${text} is not a whole number`);
  return value;
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new Error(`--${name}: ${text} is not a number over 0`);
  return value;
}
