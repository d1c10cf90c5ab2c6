/**
 * The background janitor: now and then gives a store a slice of time to tidy itself.
 *
 * A slice ends after half a millisecond, or after so many steps where the clock stands still, and the next one comes
 * by a timer, so that requests are never kept waiting for longer than one slice. Work that somebody waits for, as CLEAR,
 * begins at once.
 *
 * @module
 */

import type { Clock, Timer } from "../clock.ts";
import type { Store } from "./store.ts";

/** How often the janitor looks when there was nothing to do. */
const REST_MS = 100;
const SLICE_MS = 0.5;
/** Between two looks at the clock: some 10 µs of work, more where memory is given back. */
const STEPS_PER_LOOK = 32;
const MAX_LOOKS_PER_SLICE = 256;

/** Tidies a store until it is stopped. */
export class Janitor {
  readonly #store: Store;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  /** The longest slice so far. */
  longestSliceMs = 0;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Starts working. */
  start(): void {
    this.#store.onWork = () => this.#scheduleIn(0);
    this.#scheduleIn(REST_MS);
  }

  /** Stops for good. */
  stop(): void {
    this.#store.onWork = undefined;
    this.#timer?.cancel();
  }

  #scheduleIn(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = this.#clock.schedule(delayMs, this.#work);
  }

  readonly #work = (): void => {
    const startMs = this.#clock.nowMs();
    const hasMore = this.#slice(startMs + SLICE_MS);
    this.longestSliceMs = Math.max(this.longestSliceMs, this.#clock.nowMs() - startMs);
    this.#scheduleIn(hasMore ? 0 : REST_MS);
  };

  /** Returns whether there is more to do at once. */
  #slice(endMs: number): boolean {
    for (let look = 0; look < MAX_LOOKS_PER_SLICE; look++) {
      if (!this.#store.tidy(STEPS_PER_LOOK)) return false;
      if (this.#clock.nowMs() >= endMs) break;
    }
    return true;
  }
}
