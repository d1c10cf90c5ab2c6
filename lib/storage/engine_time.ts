/**
 * Time as an engine keeps it: whole milliseconds since its own start, in 48 bits, so that 0 can mean that something never
 * expires. Others speak of moments on the clock; the way there and back is here.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { expiryMs, hasExpiry, MAX_EXPIRY_MS } from "./entry.ts";

/** A clock, as seen from an engine. An expiry is a moment on the engine's scale, 0 = never. */
export class EngineTime {
  readonly #clock: Clock;
  /** The engine's zero. Whole, so that expiries are so too on the clock's own scale. */
  readonly #startMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startMs = Math.floor(clock.nowMs());
  }

  /** Now, on the engine's scale. */
  nowMs(): number {
    return this.#clock.nowMs() - this.#startMs;
  }

  /** Whether an entry's time is over. */
  isOver(words: Int32Array, at: number): boolean {
    return hasExpiry(words, at) && expiryMs(words, at) <= this.nowMs();
  }

  /** When something stored now expires. */
  expiryIn(ttlMs: number): number {
    return ttlMs === 0 ? 0 : Math.min(MAX_EXPIRY_MS, Math.ceil(this.nowMs() + ttlMs));
  }

  /** Milliseconds until an expiry: asked at once, exactly those that {@linkcode expiryIn} was given. At least 1. */
  timeTo(expiry: number): number {
    return Math.max(1, Math.floor(expiry - this.nowMs()));
  }

  /** An expiry as a moment on the clock, 0 = never. */
  onClock(expiry: number): number {
    return expiry === 0 ? 0 : this.#startMs + expiry;
  }

  /** The opposite. What lies before the start becomes the earliest expiry there is, a millisecond after it. */
  ofClock(expiryMs: number): number {
    return expiryMs === 0 ? 0 : Math.min(MAX_EXPIRY_MS, Math.max(1, Math.ceil(expiryMs - this.#startMs)));
  }
}
