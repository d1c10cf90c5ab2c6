/**
 * The plainest possible store, to compare others with: a Map, a clock, and no thought of speed or memory.
 *
 * @module
 */

import type { Clock } from "../../lib/clock.ts";

interface ModelEntry {
  value: Uint8Array;
  /** Monotonic time of expiry, Infinity = never. */
  expiresMs: number;
  version: number;
}

/** Outcome of counting: the number, or why not. */
export type Counted = bigint | "NOT_INTEGER" | "OVERFLOW";

/** Entries by name. Names are texts; what bytes they stand for is the test's. */
export class ModelStore {
  readonly #entries = new Map<string, ModelEntry>();
  readonly #clock: Clock;
  #version = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(name: string): Uint8Array | undefined {
    return this.#living(name)?.value;
  }

  /** Grows with every change of a value. */
  version(name: string): number {
    return this.#living(name)?.version ?? 0;
  }

  set(name: string, value: Uint8Array, ttlMs: number): void {
    this.#entries.set(name, { value, expiresMs: this.#expiry(ttlMs), version: ++this.#version });
  }

  /** Changes the value alone. */
  update(name: string, value: Uint8Array): void {
    const entry = this.#living(name);
    if (entry === undefined) this.set(name, value, 0);
    else Object.assign(entry, { value, version: ++this.#version });
  }

  delete(name: string): boolean {
    const wasLiving = this.#living(name) !== undefined;
    this.#entries.delete(name);
    return wasLiving;
  }

  touch(name: string, ttlMs: number): boolean {
    const entry = this.#living(name);
    if (entry !== undefined) entry.expiresMs = this.#expiry(ttlMs);
    return entry !== undefined;
  }

  ttlMs(name: string): number {
    const entry = this.#living(name);
    if (entry === undefined) return -2;
    return entry.expiresMs === Infinity ? -1 : Math.ceil(entry.expiresMs - this.#clock.nowMs());
  }

  increment(name: string, delta: bigint, ttlMs: number): Counted {
    const old = this.get(name);
    const text = old === undefined ? "0" : new TextDecoder().decode(old);
    if (!/^(0|-?[1-9][0-9]*)$/.test(text) || BigInt.asIntN(64, BigInt(text)) !== BigInt(text)) return "NOT_INTEGER";
    const sum = BigInt(text) + delta;
    if (BigInt.asIntN(64, sum) !== sum) return "OVERFLOW";
    const value = new TextEncoder().encode(String(sum));
    if (old === undefined) this.set(name, value, ttlMs);
    else this.update(name, value);
    return sum;
  }

  /** Removes all names that a test says belong together. */
  clear(belongs: (name: string) => boolean): number {
    const names = this.names().filter(belongs);
    for (const name of names) this.#entries.delete(name);
    return names.length;
  }

  /** The living. */
  names(): string[] {
    return [...this.#entries.keys()].filter((name) => this.#living(name) !== undefined);
  }

  #living(name: string): ModelEntry | undefined {
    const entry = this.#entries.get(name);
    return entry !== undefined && entry.expiresMs > this.#clock.nowMs() ? entry : undefined;
  }

  #expiry(ttlMs: number): number {
    return ttlMs === 0 ? Infinity : Math.ceil(this.#clock.nowMs() + ttlMs);
  }
}
