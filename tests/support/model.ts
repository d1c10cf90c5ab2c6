/**
 * The plainest possible store, to compare others with: a Map and a clock.
 *
 * @module
 */

import type { Clock } from "../../lib/clock.ts";

interface ModelEntry {
  value: Uint8Array;
  /** Monotonic time of expiry, Infinity = never. */
  expiresMs: number;
}

/** Entries by key, as text of bytes in Latin-1 so that a Map can hold them. */
export class ModelStore {
  readonly #entries = new Map<string, ModelEntry>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const entry = this.#entries.get(nameOf(key));
    return entry !== undefined && entry.expiresMs > this.#clock.nowMs() ? entry.value : undefined;
  }

  set(key: Uint8Array, value: Uint8Array, ttlMs: number): void {
    const expiresMs = ttlMs === 0 ? Infinity : Math.ceil(this.#clock.nowMs() + ttlMs);
    this.#entries.set(nameOf(key), { value, expiresMs });
  }

  delete(key: Uint8Array): boolean {
    const isLiving = this.get(key) !== undefined;
    this.#entries.delete(nameOf(key));
    return isLiving;
  }

  /** How many entries live now. */
  get size(): number {
    let count = 0;
    for (const { expiresMs } of this.#entries.values()) if (expiresMs > this.#clock.nowMs()) count++;
    return count;
  }
}

function nameOf(key: Uint8Array): string {
  return String.fromCharCode(...key);
}
