/**
 * Unix time for expiries that are given, told or kept as a date. A store keeps its expiries on a clock that never
 * jumps; here is the way between the two scales.
 *
 * Both are read in whole milliseconds, and their distance is kept as long as the wall clock has not been set, so that a
 * date which went in comes out again to the millisecond although the two clocks never tick together.
 *
 * @module
 */

import type { Clock } from "./clock.ts";
import { WALL_CLOCK_STEP_MS } from "./limits.ts";

/** The date by the clock of a store. */
export class UnixTime {
  readonly #clock: Clock;
  /** Unix time at the clock's zero. */
  #zeroMs: number;

  /** @param clock the one that the store reads */
  constructor(clock: Clock) {
    this.#clock = clock;
    this.#zeroMs = clock.wallMs() - Math.ceil(clock.nowMs());
  }

  /** Now, in whole milliseconds. */
  nowMs(): number {
    const nowMs = Math.ceil(this.#clock.nowMs());
    const zeroMs = this.#clock.wallMs() - nowMs;
    if (Math.abs(zeroMs - this.#zeroMs) > WALL_CLOCK_STEP_MS) this.#zeroMs = zeroMs;
    return this.#zeroMs + nowMs;
  }

  /**
   * The date of a moment on the store's clock, which is in whole milliseconds, by the last reading of
   * {@linkcode nowMs}; it reads no clock itself.
   */
  of(storeMs: number): number {
    return this.#zeroMs + storeMs;
  }
}
