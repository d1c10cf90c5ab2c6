/**
 * Entries in a Map, for tests of what a data directory holds: loaded by a recovery, filled by hand, visited for a snapshot.
 * Keys and values are arbitrary bytes.
 *
 * @module
 */

import { binaryText, ByteRange, bytesOfBinaryText } from "../../lib/bytes.ts";
import type { Recovered } from "../../lib/persistence/recovery.ts";
import type { EntryVisitor } from "../../lib/persistence/snapshot_layout.ts";

/** A {@linkcode Recovered} as plain as can be. */
export class RecoveredMap implements Recovered {
  /** By {@linkcode binaryText} of the key: that of the value, and the expiry. */
  readonly entries = new Map<string, { readonly value: string; readonly expiryUnixMs: number }>();

  put(key: ByteRange, value: ByteRange, expiryUnixMs: number): void {
    this.entries.set(binaryText(key.copy()), { value: binaryText(value.copy()), expiryUnixMs });
  }

  remove(key: ByteRange): void {
    this.entries.delete(binaryText(key.copy()));
  }

  expiry(key: ByteRange, expiryUnixMs: number): void {
    const name = binaryText(key.copy());
    const entry = this.entries.get(name);
    if (entry !== undefined) this.entries.set(name, { ...entry, expiryUnixMs });
  }

  clear(prefix: ByteRange): void {
    const text = binaryText(prefix.copy());
    for (const name of [...this.entries.keys()]) if (name.startsWith(text)) this.entries.delete(name);
  }

  rename(from: ByteRange, to: ByteRange): void {
    const entry = this.entries.get(binaryText(from.copy()));
    this.entries.delete(binaryText(from.copy()));
    if (entry === undefined) this.entries.delete(binaryText(to.copy()));
    else this.entries.set(binaryText(to.copy()), entry);
  }

  dropExpiring(unixMs: number): number {
    const before = this.entries.size;
    for (const [name, { expiryUnixMs }] of [...this.entries]) {
      if (expiryUnixMs !== 0 && expiryUnixMs <= unixMs) this.entries.delete(name);
    }
    return before - this.entries.size;
  }

  /** Visits all entries. */
  visit(visit: EntryVisitor): void {
    for (const [name, { value, expiryUnixMs }] of this.entries) {
      visit(ByteRange.of(bytesOfBinaryText(name)), ByteRange.of(bytesOfBinaryText(value)), expiryUnixMs);
    }
  }

  /** All of it as one text, to be compared. */
  state(): string {
    const sorted = [...this.entries].sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0);
    return JSON.stringify(sorted.map(([name, { value, expiryUnixMs }]) => [name, value, expiryUnixMs]));
  }
}
