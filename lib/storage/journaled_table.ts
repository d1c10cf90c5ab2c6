/**
 * Changes of entries on their way into the table: whatever somebody asks for, and whatever goes by itself, the journal is
 * told, if there is one (journal.ts). What only looks, and what must not be told (replay.ts), goes to the table itself.
 *
 * @module
 */

import { ByteRange } from "../bytes.ts";
import type { EntryTable } from "./entry_table.ts";
import type { Journal, UndoJournal } from "./journal.ts";

const NO_GROUP = -1;
/** A change is decided, kept or taken back, long before this is over. */
const SOON_MS = 60_000;

/** A table and its journal. The methods are those of {@linkcode EntryTable}, with the key where the journal needs it. */
export class JournaledTable {
  readonly #table: EntryTable;
  readonly #key = new ByteRange();
  readonly #value = new ByteRange();
  #journal: Journal | undefined;
  /** About how much the open group is expected to come to. */
  #groupBytes = NO_GROUP;
  #hasGroupBegun = false;

  constructor(table: EntryTable) {
    this.#table = table;
  }

  get journal(): Journal | undefined {
    return this.#journal;
  }

  set journal(journal: Journal | undefined) {
    this.#journal = journal;
    this.#table.onLoss = journal === undefined ? undefined : this.#tellLoss;
  }

  /** Asked before whatever may change something: {@linkcode Journal.check}. */
  check(): void {
    if (this.#journal === undefined) return;
    if (this.#groupBytes === NO_GROUP || this.#hasGroupBegun) return this.#journal.check();
    this.#journal.begin(this.#groupBytes);
    this.#hasGroupBegun = true;
  }

  /** {@linkcode Store.atomically}. One inside another is a part of it; one without changes is not told of. */
  atomically<Result>(work: () => Result, expectedBytes: number): Result {
    if (this.#groupBytes !== NO_GROUP) return work();
    this.#groupBytes = expectedBytes;
    try {
      return work();
    } finally {
      this.#groupBytes = NO_GROUP;
      if (this.#hasGroupBegun) this.#journal!.end();
      this.#hasGroupBegun = false;
    }
  }

  put(hash: number, present: number, key: ByteRange, value: ByteRange, expiry: number): number {
    const journal = this.#journal;
    if (journal === undefined) return this.#table.put(hash, present, key, value, expiry);
    if (journal.undo !== undefined) this.#tellPrevious(journal.undo, key, present);
    const version = this.#table.put(hash, present, key, value, expiry);
    journal.put(key, value, this.#table.time.onClock(expiry));
    return version;
  }

  rewrite(address: number, key: ByteRange, value: ByteRange): boolean {
    const journal = this.#journal;
    if (journal === undefined) return this.#table.rewrite(address, value);
    if (!this.#table.fits(address, value)) return false;
    if (journal.undo !== undefined) this.#tellPrevious(journal.undo, key, address);
    this.#table.rewrite(address, value);
    journal.put(key, value, this.#table.time.onClock(this.#table.entries.expiryOf(address)));
    return true;
  }

  setExpiry(address: number, key: ByteRange, expiry: number): void {
    const { entries, time } = this.#table;
    const previous = entries.expiryOf(address);
    if (expiry === previous) return;
    const undo = this.#journal?.undo;
    // What expires soon may have gone before this is taken back, so it is told as a whole.
    if (expiry !== 0 && undo !== undefined && time.timeTo(expiry) < SOON_MS) this.#tellPrevious(undo, key, address);
    else undo?.previousExpiry(key, time.onClock(previous));
    this.#table.setExpiry(address, expiry);
    this.#journal?.expiry(key, time.onClock(expiry));
  }

  remove(hash: number, address: number, key: ByteRange): void {
    const journal = this.#journal;
    if (journal === undefined) return this.#table.remove(hash, address);
    if (journal.undo !== undefined) this.#tellPrevious(journal.undo, key, address);
    const isCleared = this.#table.clearings.cover(address);
    this.#table.remove(hash, address);
    if (!isCleared) journal.remove(key);
  }

  rename(hash: number, address: number, key: ByteRange, newKey: ByteRange): void {
    const journal = this.#journal;
    if (journal === undefined) return void this.#table.rename(hash, address, key, newKey);
    const { entries, time } = this.#table;
    const newHash = this.#table.hash(newKey), expiryMs = time.onClock(entries.expiryOf(address));
    if (journal.undo !== undefined) {
      this.#tellPrevious(journal.undo, key, address);
      this.#tellPrevious(journal.undo, newKey, this.#table.find(newHash, newKey));
    }
    if (this.#table.rename(hash, address, key, newKey)) return journal.rename(key, newKey);
    // That it was evicted has been told, so nobody who was told has its value any more.
    entries.point(this.#table.find(newHash, newKey), this.#value);
    journal.put(newKey, this.#value, expiryMs);
  }

  clear(prefix: Uint8Array): Promise<number> {
    const journal = this.#journal;
    journal?.clear(prefix);
    if (journal?.undo === undefined) return this.#table.clearings.begin(prefix).done;
    const clearing = this.#table.clearings.beginHeld(prefix);
    journal.undo.cleared(clearing);
    return clearing.done;
  }

  /** @param address what is there for the key, over or not; 0 = nothing */
  #tellPrevious(undo: UndoJournal, key: ByteRange, address: number): void {
    if (address === 0 || this.#table.isOverForGood(address)) return undo.previous(key, undefined, 0);
    const { entries, time } = this.#table;
    entries.point(address, this.#value);
    undo.previous(key, this.#value, time.onClock(entries.expiryOf(address)));
  }

  readonly #tellLoss = (address: number): void => {
    const { undo } = this.#journal!;
    this.#table.entries.pointKey(address, this.#key);
    if (undo !== undefined && !this.#table.isOverForGood(address)) this.#tellPrevious(undo, this.#key, address);
    if (!this.#table.clearings.cover(address)) this.#journal!.remove(this.#key);
  };
}
