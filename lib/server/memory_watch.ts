/**
 * Warns once when a store without a limit has grown large: who forgot the limit should learn of it from a line in the
 * log, not from the system that ends the process.
 *
 * @module
 */

import type { Store } from "../storage/store.ts";

const BYTES_PER_MIB = 1024 * 1024;

/** Looks at a store's memory now and then. */
export class MemoryWatch {
  readonly #store: Store;
  readonly #warningBytes: number;
  readonly #log: (line: string) => void;
  #hasWarned = false;

  constructor(store: Store, warningBytes: number, log: (line: string) => void) {
    this.#store = store;
    this.#warningBytes = warningBytes;
    this.#log = log;
  }

  /** Looks once. */
  look(): void {
    if (this.#hasWarned) return;
    const { memoryBytes, maxMemoryBytes } = this.#store.stats();
    if (maxMemoryBytes !== Infinity || memoryBytes <= this.#warningBytes) return;
    this.#hasWarned = true;
    const mib = Math.floor(memoryBytes / BYTES_PER_MIB);
    this.#log(`entries take ${mib} MiB and there is no limit: set one with --max-memory`);
  }
}
