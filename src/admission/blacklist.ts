/** Addresses that are refused for some time, on every protocol. */
import { isIP } from 'node:net';
import { withoutZone } from '../net/index.ts';
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
   * Refuses the address from now on for so many seconds; 0 ends its block. A link-local address with a zone
   * (`fe80::1%eth0`) means that host of that link, without one the hosts of all links that have it.
   * @returns tells of an `ADDRESS:PORT` whether it is meant, or null where `ip` is no address
   */
  block(ip: string, durationSec: number): ((remoteAddr: string) => boolean) | null {
    const blocked = canonicalAddress(ip);
    if (blocked === null) return null;
    this.#until.delete(blocked);
    if (durationSec > 0) {
      this.#makeRoom();
      this.#until.set(blocked, this.#clock.monotonicMs() + durationSec * 1000);
    }
    return (remoteAddr) => {
      const address = addressOf(remoteAddr);
      return address === blocked || withoutZone(address) === blocked;
    };
  }

  decide({ session }: { readonly session: { readonly remoteAddr: string } }): ReturnType<Admission['decide']> {
    const address = addressOf(session.remoteAddr);
    if (!this.#isBlocked(address) && !this.#isBlocked(withoutZone(address))) return Promise.resolve({ ok: true });
    return Promise.resolve({ ok: false, reason: `the address ${address} is blocked` });
  }

  #isBlocked(address: string): boolean {
    const until = this.#until.get(address);
    if (until === undefined) return false;
    if (until > this.#clock.monotonicMs()) return true;
    this.#until.delete(address);
    return false;
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
function addressOf(remoteAddr: string): string {
  return remoteAddr.slice(0, remoteAddr.lastIndexOf(':')).replace(/^\[|\]$/g, '');
}

/** As sockets name it: IPv6 in its short form, IPv4 within IPv6 as IPv4, a zone where the address is link-local; null where it is no address. */
function canonicalAddress(ip: string): string | null {
  const bare = ip.trim().replace(/^\[|\]$/g, '');
  if (isIP(bare) === 0) return null;
  if (isIP(bare) === 4) return bare;
  const short = new URL(`http://[${withoutZone(bare)}]`).hostname.slice(1, -1);
  // RFC 4291 2.5.6: fe80::/10
  if (/^fe[89ab]/.test(short)) return short + bare.slice(withoutZone(bare).length);
  const mapped = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(short);
  if (mapped === null) return short;
  const [high, low] = [Number.parseInt(mapped[1] ?? '', 16), Number.parseInt(mapped[2] ?? '', 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
