/** `millrace replay`: plays a packet dump back at the pace at which it was recorded, over TCP or as datagrams. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, isIP, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { listen } from '../net/index.ts';
import { portArgument, type Terminal, untilEnded } from './command.ts';
import { readPackets } from './packet-file.ts';

export const REPLAY_HELP = `millrace replay: plays a file back that debug_dump_packet made

  millrace replay FILE --port PORT [--host HOST]
  millrace replay FILE --udp HOST:PORT

  FILE             a dump of start_relay_pull or start_rtp_pub
  --port PORT      listens there (0: any free port), and sends each connection, one at a time, what was recorded,
                   whatever it says: pull from it with the URL that was pulled then, its host and port replaced
  --host HOST      at this address (default: 127.0.0.1)
  --udp HOST:PORT  sends each packet there as a datagram, then ends: for dumps of start_rtp_pub
`;

/** A longer silence is shortened to this. Milliseconds. */
const MAX_SILENCE_MS = 60_000;
/**
 * The first answers of a server must not come before they are asked for, and a clock of milliseconds cannot tell them
 * apart: after each of so many packets the client may say something first, but has only so long to do so.
 */
const TALK_PACKETS = 32;
const TALK_MS = 50;
/** RFC 768, without IPv4's and UDP's own headers. Bytes. */
const MAX_DATAGRAM_BYTES = 65_507;

/** Runs until it is ended, or all datagrams are sent. Resolves to the exit code; rejects with an Error where it cannot. */
export async function replay(args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      port: { type: 'string' },
      host: { type: 'string', default: '127.0.0.1' },
      udp: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    terminal.out(REPLAY_HELP.trimEnd());
    return 0;
  }
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new Error('one file is needed: millrace replay FILE …');
  if ((values.udp === undefined) === (values.port === undefined)) throw new Error('either --port or --udp is needed');
  if (values.udp === undefined) await serve(file, values.host, portArgument('--port', values.port), terminal);
  else await sendDatagrams(file, values.udp, terminal);
  return 0;
}

/** Waits for each packet's time, counted from the first one; a clock that was set back or far ahead does not matter. */
class Pace {
  #dueMs = 0;
  #lastUnixMs: number | null = null;

  async until(unixMs: number, signal: AbortSignal): Promise<void> {
    if (this.#lastUnixMs === null) this.#dueMs = performance.now();
    else this.#dueMs += Math.min(MAX_SILENCE_MS, Math.max(0, unixMs - this.#lastUnixMs));
    this.#lastUnixMs = unixMs;
    const waitMs = this.#dueMs - performance.now();
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
  }
}

async function serve(file: string, host: string, port: number, terminal: Terminal): Promise<void> {
  // an unreadable file is told before anybody connects
  for await (const _ of readPackets(file, () => {})) break;
  let current: Socket | null = null;
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => {});
    if (current !== null) {
      terminal.error('a connection was refused: one at a time');
      socket.destroy();
      return;
    }
    current = socket;
    void sendRecorded(file, socket, terminal).finally(() => {
      current = null;
    });
  });
  const bound = await listen(server, { host, port });
  terminal.out(`listening on ${host}:${bound.port}`);
  await untilEnded(terminal);
  bound.close();
  // a closure has set it meanwhile
  (current as Socket | null)?.destroy();
}

/** Sends the file to one connection, and ends it. Never rejects. */
async function sendRecorded(file: string, socket: Socket, terminal: Terminal): Promise<void> {
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  const peer = `${socket.remoteAddress}:${socket.remotePort}`;
  terminal.out(`${peer} connected`);
  let heard = 0;
  socket.on('data', (bytes) => {
    heard += bytes.length;
    socket.emit('heard');
  });
  const pace = new Pace();
  let packets = 0;
  let bytes = 0;
  try {
    for await (const packet of readPackets(file, (cut) => tellCut(terminal, cut))) {
      await pace.until(packet.unixMs, gone.signal);
      if (packets < TALK_PACKETS) await turnToSpeak(socket, heard);
      heard = 0;
      if (!socket.write(packet.bytes)) await once(socket, 'drain', { signal: gone.signal });
      packets++;
      bytes += packet.bytes.length;
    }
    terminal.out(`${peer} was sent all of it: ${packets} packets, ${bytes} bytes`);
  } catch (error) {
    if (gone.signal.aborted) terminal.out(`${peer} left after ${packets} packets, ${bytes} bytes`);
    else terminal.error(`${peer}: ${error instanceof Error ? error.message : String(error)}`);
  }
  socket.destroySoon();
}

/** Resolves once the client has said something, or has had its time. */
async function turnToSpeak(socket: Socket, heard: number): Promise<void> {
  if (heard > 0) return;
  const patience = AbortSignal.timeout(TALK_MS);
  await once(socket, 'heard', { signal: patience }).catch(() => {});
}

async function sendDatagrams(file: string, target: string, terminal: Terminal): Promise<void> {
  const [, bracketed, plain, portText] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(target) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) throw new Error(`--udp: found ${JSON.stringify(target)}, allowed: HOST:PORT`);
  const port = portArgument('--udp', portText);
  const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4');
  const pace = new Pace();
  let packets = 0;
  let bytes = 0;
  let tooLong = 0;
  try {
    for await (const packet of readPackets(file, (cut) => tellCut(terminal, cut))) {
      await pace.until(packet.unixMs, terminal.signal);
      if (packet.bytes.length > MAX_DATAGRAM_BYTES) {
        tooLong++;
        continue;
      }
      await send(socket, packet.bytes, port, host);
      packets++;
      bytes += packet.bytes.length;
    }
  } catch (error) {
    if (!terminal.signal.aborted) throw error;
  } finally {
    socket.close();
  }
  if (tooLong > 0) terminal.error(`${tooLong} packets are longer than a datagram may be, and were left out`);
  terminal.out(`sent ${packets} packets, ${bytes} bytes`);
}

function send(socket: UdpSocket, bytes: Buffer, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(bytes, port, host, (error) => (error === null ? resolve() : reject(error)));
  });
}

function tellCut(terminal: Terminal, bytes: number): void {
  terminal.error(`the file ends within a packet: its last ${bytes} bytes are left out`);
}
