/**
 * Who is next at which key. A call of one request has its place among the others from the moment it is made; a call of
 * several has a turn here, so that calls on one key keep their order all the same, and do not fight each other.
 *
 * @module
 */

/** Turns at keys, given in the order in which they are asked for. */
export class Turns {
  /** By key, when the last turn that was asked for ends. Never rejects. */
  readonly #ends = new Map<string, Promise<void>>();

  /**
   * What a call of one request waits for: the end of the last turn at its key; `undefined` if there is none. Those who
   * wait go on in the order in which they asked, before the next turn begins.
   */
  end(key: string): Promise<void> | undefined {
    return this.#ends.get(key);
  }

  /** Does something when it is its turn at all of the keys; at once if nobody is before it. */
  async take<T>(keys: readonly string[], task: () => Promise<T>): Promise<T> {
    const before = keys.map((key) => this.#ends.get(key)).filter((end) => end !== undefined);
    const { promise: end, resolve } = Promise.withResolvers<void>();
    // At all keys at once, or two turns could wait for each other.
    for (const key of keys) this.#ends.set(key, end);
    try {
      for (const earlier of before) await earlier;
      return await task();
    } finally {
      for (const key of keys) if (this.#ends.get(key) === end) this.#ends.delete(key);
      resolve();
    }
  }

  /** Resolves when no turn is left, those asked for meanwhile included. */
  async finished(): Promise<void> {
    while (this.#ends.size > 0) await this.#ends.values().next().value;
  }
}
