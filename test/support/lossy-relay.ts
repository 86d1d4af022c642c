/** A relay between an RTSP client and the server that loses and reorders the client's RTP packets, or the server's. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import type { Scope } from './temp-dir.ts';

export interface LossyRelay {
  readonly port: number;
  /** Packets of RTP that were let through, lost, and given out after their successor, in both directions. */
  readonly passed: number;
  readonly lost: number;
  readonly swapped: number;
  /** From now on packets are lost and swapped. */
  start(): void;
  /** From now on nothing is. */
  stop(): void;
}

/** One packet in so many is lost, and likewise given out late. */
const LOST_OF = 50;
const SWAPPED_OF = 25;
/** A swapped packet waits for this many others. */
const SWAP_DEPTH = 2;
/** RTP's dynamic payload types; RTCP is let through as it comes. */
const isRtp = (bytes: Buffer): boolean => ((bytes[1] ?? 0) & 0x7f) >= 96 && ((bytes[1] ?? 0) & 0x7f) < 128;

/** Relays RTSP on a free port to `port`, the UDP ports in its Transport headers replaced by the relay's own. */
export async function startLossyRelay(scope: Scope, port: number): Promise<LossyRelay> {
  const state = { passed: 0, lost: 0, swapped: 0, isOn: false, seed: 7 };
  /** The same sequence in every run. */
  const random = (): number => {
    state.seed = (Math.imul(state.seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state.seed / 0x7fffffff;
  };
  const sockets: Socket[] = [];
  const streams = new Set<net.Socket>();

  /** Passes datagrams on, not all of them and not all in order. */
  const unreliable = (send: (bytes: Buffer) => void): ((bytes: Buffer) => void) => {
    const late: { bytes: Buffer; after: number }[] = [];
    return (bytes) => {
      for (const each of late) each.after--;
      if (!state.isOn || !isRtp(bytes)) send(bytes);
      else if (random() < 1 / LOST_OF) state.lost++;
      else if (random() < 1 / SWAPPED_OF) {
        state.swapped++;
        late.push({ bytes, after: SWAP_DEPTH });
      } else {
        state.passed++;
        send(bytes);
      }
      while (late[0] !== undefined && late[0].after <= 0) send(late.shift()?.bytes ?? bytes);
    };
  };

  /** One UDP port in the middle: what comes from one side's port goes to the other's. */
  class Middle {
    readonly socket = createSocket('udp4');
    clientPort = 0;
    serverPort = 0;
    async bind(): Promise<number> {
      const toServer = unreliable((bytes) => this.#send(bytes, this.serverPort));
      const toClient = unreliable((bytes) => this.#send(bytes, this.clientPort));
      this.socket.on('message', (bytes, from) => (from.port === this.serverPort ? toClient : toServer)(bytes));
      this.socket.on('error', () => {});
      this.socket.bind(0, '127.0.0.1');
      await once(this.socket, 'listening');
      sockets.push(this.socket);
      return this.socket.address().port;
    }
    #send(bytes: Buffer, to: number): void {
      if (to !== 0) this.socket.send(bytes, to, '127.0.0.1');
    }
  }

  const server = net.createServer((client) => {
    const upstream = net.connect(port, '127.0.0.1');
    let asked: [Middle, Middle] | null = null;
    let queue: Promise<void> = Promise.resolve();
    for (const each of [client, upstream]) {
      streams.add(each);
      each.on('error', () => {});
    }
    client.on('data', (chunk: Buffer) => {
      queue = queue.then(async () => {
        let text = chunk.toString('latin1');
        const [whole, a, b] = /client_port=(\d+)-(\d+)/.exec(text) ?? [];
        if (whole !== undefined) {
          asked = [new Middle(), new Middle()];
          asked[0].clientPort = Number(a);
          asked[1].clientPort = Number(b);
          text = text.replace(whole, `client_port=${await asked[0].bind()}-${await asked[1].bind()}`);
        }
        upstream.write(text, 'latin1');
      });
    });
    upstream.on('data', (chunk: Buffer) => {
      let text = chunk.toString('latin1');
      const [whole, a, b] = /server_port=(\d+)-(\d+)/.exec(text) ?? [];
      if (whole !== undefined && asked !== null) {
        const [first, second] = asked;
        const ports = `${first.socket.address().port}-${second.socket.address().port}`;
        const own = `${first.clientPort}-${second.clientPort}`;
        first.serverPort = Number(a);
        second.serverPort = Number(b);
        text = text.replace(whole, `server_port=${ports}`).replace(/client_port=\d+-\d+/, `client_port=${own}`);
      }
      client.write(text, 'latin1');
    });
    client.on('close', () => upstream.destroySoon());
    upstream.on('close', () => client.destroySoon());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  scope.after(() => {
    server.close();
    for (const stream of streams) stream.destroy();
    for (const socket of sockets) socket.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    get passed() {
      return state.passed;
    },
    get lost() {
      return state.lost;
    },
    get swapped() {
      return state.swapped;
    },
    start: () => {
      state.isOn = true;
    },
    stop: () => {
      state.isOn = false;
    },
  };
}
