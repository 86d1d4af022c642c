/** A name server for one test's processes alone, which answers, refuses or is silent as the test says. */
import dgram from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Scope, tempDir } from './temp-dir.ts';

/** An IPv4 address, `none`: there is no such name, `silent`: no answer at all. */
export type NameAnswer = `${number}.${number}.${number}.${number}` | 'none' | 'silent';

const A = 1;
const NO_SUCH_NAME = 3;

export class NameServer {
  /** Of each name; those that are not here are not there. Set by a test at any time. */
  readonly names = new Map<string, NameAnswer>();
  /** How often each name was asked for, all kinds of records together. */
  readonly asked = new Map<string, number>();
  readonly #socket = dgram.createSocket('udp4');
  #resolvConf = '';

  /** False where the port for names cannot be had, which takes root. */
  async start(scope: Scope): Promise<boolean> {
    // an address of this machine that no one else uses
    const address = `127.${process.pid & 255}.${(process.pid >> 8) & 255}.53`;
    this.#socket.on('message', (query, { port, address: client }) => {
      const answer = this.#answer(query);
      if (answer !== null) this.#socket.send(answer, port, client);
    });
    this.#resolvConf = join(tempDir(scope), 'resolv.conf');
    writeFileSync(this.#resolvConf, `nameserver ${address}\n`);
    try {
      this.#socket.bind(53, address);
      await once(this.#socket, 'listening');
    } catch {
      return false;
    }
    scope.after(() => void this.#socket.close());
    return true;
  }

  /** What a command line is put behind, so that its process asks here. It takes root. */
  get asItsOwn(): readonly string[] {
    const script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"';
    return ['unshare', '--mount', 'sh', '-c', script, this.#resolvConf];
  }

  #answer(query: Buffer): Buffer | null {
    const labels: string[] = [];
    let at = 12;
    for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const type = query.readUInt16BE(at + 1);
    const question = query.subarray(12, at + 5);
    const name = labels.join('.');
    this.asked.set(name, (this.asked.get(name) ?? 0) + 1);
    const answer = this.names.get(name) ?? 'none';
    if (answer === 'silent') return null;
    const head = Buffer.from(query.subarray(0, 12));
    // an answer, recursion available; no additional records
    head.writeUInt16BE(0x8180 | (answer === 'none' ? NO_SUCH_NAME : 0), 2);
    const hasRecord = answer !== 'none' && type === A;
    head.writeUInt16BE(hasRecord ? 1 : 0, 6);
    head.writeUInt32BE(0, 8);
    if (!hasRecord) return Buffer.concat([head, question]);
    // the name of the question, type A, class IN, no time to live, four bytes
    const record = Buffer.from([0xc0, 12, 0, A, 0, 1, 0, 0, 0, 0, 0, 4, ...answer.split('.').map(Number)]);
    return Buffer.concat([head, question, record]);
  }
}
