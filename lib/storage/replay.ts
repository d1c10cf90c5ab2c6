/**
 * Makes changes that a journal was told of (journal.ts), in an engine that is loaded, and takes changes back. Nothing here
 * is told to a journal, save what is evicted for it; nothing looks whether an entry is over, because a later change may
 * give it more time.
 *
 * Expiries are moments on the engine's clock, 0 = never. While changes are loaded no janitor may be at work: it would look.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";
import type { EntryTable } from "./entry_table.ts";

/** What is cleared between two looks whether that was all. */
const CLEARED_STEPS = 1_000;

/** The way into an engine past its journal. */
export class Replay {
  readonly #table: EntryTable;

  constructor(table: EntryTable) {
    this.#table = table;
  }

  /**
   * Stores a value with its expiry.
   *
   * @throws CryptomemError `OUT_OF_MEMORY` if there is no room; the policy may have evicted entries for it
   */
  put(key: ByteRange, value: ByteRange, expiryMs: number): void {
    const hash = this.#table.hash(key);
    this.#table.put(hash, this.#table.find(hash, key), key, value, this.#table.time.ofClock(expiryMs));
  }

  /** Removes an entry, if there is one. */
  remove(key: ByteRange): void {
    const hash = this.#table.hash(key);
    const address = this.#table.find(hash, key);
    if (address !== 0) this.#table.remove(hash, address);
  }

  /** Gives an entry another expiry, if there is one. */
  expiry(key: ByteRange, expiryMs: number): void {
    const address = this.#table.find(this.#table.hash(key), key);
    if (address !== 0) this.#table.setExpiry(address, this.#table.time.ofClock(expiryMs));
  }

  /** Removes all entries under a prefix, at once. */
  clear(prefix: Uint8Array): void {
    const { clearings } = this.#table;
    clearings.begin(prefix);
    while (clearings.step(CLEARED_STEPS));
  }

  /**
   * Gives an entry another key, if there is one; what that key had has gone in any case.
   *
   * @throws CryptomemError `OUT_OF_MEMORY` if there is no room
   */
  rename(key: ByteRange, newKey: ByteRange): void {
    const hash = this.#table.hash(key);
    const address = this.#table.find(hash, key);
    if (address !== 0) this.#table.rename(hash, address, key, newKey);
    else this.remove(newKey);
  }

  /**
   * Removes the entries that expire at a moment or before it; those without expiry stay.
   *
   * @param lastExpiryMs Infinity for all that expire at all
   * @returns how many there were
   */
  dropExpiring(lastExpiryMs: number): number {
    const { entries, time } = this.#table;
    const last = time.ofClock(lastExpiryMs);
    let dropped = 0, position = 0;
    do {
      const found: number[] = [];
      position = this.#table.walk(position, (address) => {
        const expiry = entries.expiryOf(address);
        if (expiry !== 0 && expiry <= last) found.push(address);
      });
      for (const address of found) this.#table.remove(entries.hashOf(address), address);
      dropped += found.length;
    } while (position !== 0);
    return dropped;
  }

  /**
   * Takes a change back: gives a key what {@linkcode UndoJournal.previous} was told. It evicts nothing and is not refused
   * for the limit, since all this was there before; until the next write, memory may be beyond the limit by a little.
   *
   * @param value `undefined` to remove what is there
   * @throws CryptomemError `OUT_OF_MEMORY` if the system itself has no more
   */
  takeBack(key: ByteRange, value: ByteRange | undefined, expiryMs: number): void {
    if (value === undefined) return this.remove(key);
    const hash = this.#table.hash(key);
    this.#table.putBack(hash, this.#table.find(hash, key), key, value, this.#table.time.ofClock(expiryMs));
  }
}
