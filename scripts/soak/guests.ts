/** Who came to a soak, each known by a token in its URL (`n=TOKEN`), and what it saw of the server. */

/** What a guest knows for certain: that it was let in, that it was not; or nothing. */
export type Fate = 'unknown' | 'in' | 'refused';

export interface Guest {
  readonly token: string;
  readonly baseType: 'PUB' | 'SUB';
  /** The query that names it. */
  readonly query: string;
  fate: Fate;
  /** Bytes that came from the server, all of them counted by the server, too. */
  received: number;
}

export class Guests {
  readonly #all = new Map<string, Guest>();

  /** A new one. @param more what else the query is to hold */
  come(baseType: Guest['baseType'], more = ''): Guest {
    const token = `g${this.#all.size + 1}`;
    const query = `n=${token}${more === '' ? '' : `&${more}`}`;
    const guest: Guest = { token, baseType, query, fate: 'unknown', received: 0 };
    this.#all.set(token, guest);
    return guest;
  }

  get all(): ReadonlyMap<string, Guest> {
    return this.#all;
  }
}
