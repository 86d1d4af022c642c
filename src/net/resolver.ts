/** Asks for the addresses of names, so that a name server that hangs or fails costs as little as possible. */
import { promises as dns, type LookupAddress } from 'node:dns';

/** What is asked; tests hand in their own. */
export interface NameService {
  /** The system's own way: hosts file, name servers and whatever else it is set up for. Takes a thread. */
  lookup(name: string): Promise<readonly LookupAddress[]>;
  /** The name servers alone, without a thread. */
  query(name: string): Promise<readonly LookupAddress[]>;
  monotonicMs(): number;
}

/** The system has so long to answer before another way is looked for. Milliseconds. */
const PATIENCE_MS = 1000;
/** Addresses that were found are used for so long where nobody answers any more. Milliseconds. */
const KEPT_MS = 3_600_000;
/** A name server that is asked without a thread has so long. Milliseconds. */
const QUERY_MS = 2000;
const MAX_NAMES = 1000;
/** Name servers that say this are asked in vain, though the name may be there. */
const UNANSWERED = new Set(['EAI_AGAIN', 'ETIMEOUT', 'ECONNREFUSED', 'ESERVFAIL', 'ENOTIMP', 'EREFUSED']);

interface Known {
  readonly addresses: readonly LookupAddress[];
  readonly foundMs: number;
}

/**
 * Of the runtime's threads two at most look names up, each for as long as its name server keeps it waiting: more names than
 * that of servers that hang would keep all others from being found. So a name that is slow is asked for once at a time; after
 * a second its last addresses are taken, or the name servers asked without a thread.
 */
export class Resolver {
  readonly #service: NameService;
  readonly #underWay = new Map<string, Promise<readonly LookupAddress[]>>();
  /** The one that was found last comes last. */
  readonly #known = new Map<string, Known>();

  constructor(service: NameService = systemNames()) {
    this.#service = service;
  }

  /** All addresses, at least one, in the system's order. Rejects with the system's error. */
  async resolve(name: string): Promise<readonly LookupAddress[]> {
    const lookup = this.#lookup(name);
    const timer = Promise.withResolvers<null>();
    const timeout = setTimeout(timer.resolve, PATIENCE_MS, null);
    try {
      const found = await Promise.race([lookup, timer.promise]);
      if (found !== null) return found;
    } catch (error) {
      const known = this.#stillKnown(name);
      if (known === null || !UNANSWERED.has(codeOf(error))) throw error;
      return known;
    } finally {
      clearTimeout(timeout);
    }
    const known = this.#stillKnown(name);
    if (known !== null) return known;
    // where the servers do not answer either, the system's own error is what is told
    return await Promise.any([lookup, this.#service.query(name)]).catch(() => lookup);
  }

  #lookup(name: string): Promise<readonly LookupAddress[]> {
    const running = this.#underWay.get(name);
    if (running !== undefined) return running;
    const lookup = this.#service.lookup(name).finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, lookup);
    lookup.then(
      (addresses) => this.#keep(name, addresses),
      () => {},
    );
    return lookup;
  }

  #keep(name: string, addresses: readonly LookupAddress[]): void {
    this.#known.delete(name);
    this.#known.set(name, { addresses, foundMs: this.#service.monotonicMs() });
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_NAMES && oldest !== undefined) this.#known.delete(oldest);
  }

  #stillKnown(name: string): readonly LookupAddress[] | null {
    const known = this.#known.get(name);
    return known === undefined || this.#service.monotonicMs() - known.foundMs > KEPT_MS ? null : known.addresses;
  }
}

function systemNames(): NameService {
  return {
    lookup: (name) => dns.lookup(name, { all: true }),
    query: async (name) => {
      const servers = new dns.Resolver({ timeout: QUERY_MS, tries: 1 });
      const [v4, v6] = await Promise.allSettled([servers.resolve4(name), servers.resolve6(name)]);
      const found = [
        ...(v4.status === 'fulfilled' ? v4.value.map((address) => ({ address, family: 4 })) : []),
        ...(v6.status === 'fulfilled' ? v6.value.map((address) => ({ address, family: 6 })) : []),
      ];
      if (found.length === 0) throw new Error(`no name server has an address of ${name}`);
      return found;
    },
    monotonicMs: () => performance.now(),
  };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
