/** Addresses that are refused for some time, on every protocol. */
import { isIP } from 'node:net';
import type { Admission, Clock } from '../streams/index.ts';

/** More addresses than this are not kept at once; the block that would end first gives way. */
const MAX_ADDRESSES = 100_000;

export class Blacklist implements Admission {
  readonly #clock: Clock;
  /** Address to the end of its block, monotonic ms. */
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Refuses the address from now on for so many seconds; 0 ends its block.
   * @returns the address in the form that sessions bear, or null where it is none
   */
  block(ip: string, durationSec: number): string | null {
    const address = canonicalAddress(ip);
    if (address === null) return null;
    this.#until.delete(address);
    if (durationSec > 0) {
      this.#makeRoom();
      this.#until.set(address, this.#clock.monotonicMs() + durationSec * 1000);
    }
    return address;
  }

  decide({ session }: { readonly session: { readonly remoteAddr: string } }): ReturnType<Admission['decide']> {
    const address = addressOf(session.remoteAddr);
    const until = this.#until.get(address);
    if (until === undefined) return Promise.resolve({ ok: true });
    const leftMs = until - this.#clock.monotonicMs();
    if (leftMs > 0) return Promise.resolve({ ok: false, reason: `the address ${address} is blocked` });
    this.#until.delete(address);
    return Promise.resolve({ ok: true });
  }

  #makeRoom(): void {
    if (this.#until.size < MAX_ADDRESSES) return;
    const now = this.#clock.monotonicMs();
    let first: { address: string; until: number } | null = null;
    for (const [address, until] of this.#until) {
      if (until <= now) this.#until.delete(address);
      else if (first === null || until < first.until) first = { address, until };
    }
    if (this.#until.size >= MAX_ADDRESSES && first !== null) this.#until.delete(first.address);
  }
}

/** The address of `ADDRESS:PORT`, IPv6 without its brackets. */
export function addressOf(remoteAddr: string): string {
  return remoteAddr.slice(0, remoteAddr.lastIndexOf(':')).replace(/^\[|\]$/g, '');
}

/** As sockets name it: IPv6 in its short form, IPv4 within IPv6 as IPv4; null where it is no address. */
function canonicalAddress(ip: string): string | null {
  const bare = ip.trim().replace(/^\[|\]$/g, '');
  if (isIP(bare) === 0) return null;
  if (isIP(bare) === 4) return bare;
  const short = new URL(`http://[${bare.replace(/%.*$/, '')}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(short);
  if (mapped === null) return short;
  const [high, low] = [Number.parseInt(mapped[1] ?? '', 16), Number.parseInt(mapped[2] ?? '', 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
