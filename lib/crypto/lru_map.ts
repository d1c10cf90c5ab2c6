/**
 * A map that forgets what was not used for longest.
 *
 * @module
 */

/** A map of at most so many entries. */
export class LruMap<Key, Value> {
  readonly #maxEntries: number;
  /** A Map lists its entries in the order in which they were set, so the first is the least recently used. */
  readonly #entries = new Map<Key, Value>();

  /**
   * An empty map.
   *
   * @param maxEntries at least 1
   */
  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  /** How many entries are kept at the moment. */
  get size(): number {
    return this.#entries.size;
  }

  /** What was set, if it is still kept; using it keeps it longer. */
  get(key: Key): Value | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, value);
    }
    return value;
  }

  /** Keeps a value; the least recently used one goes if there are too many. */
  set(key: Key, value: Value): void {
    this.#entries.delete(key);
    if (this.#entries.size >= this.#maxEntries) this.#entries.delete(this.#entries.keys().next().value!);
    this.#entries.set(key, value);
  }

  /** Forgets a key. */
  delete(key: Key): void {
    this.#entries.delete(key);
  }
}
