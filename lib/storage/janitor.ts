/**
 * The background janitor: now and then gives a store a slice of time to tidy itself.
 *
 * A slice ends after half a millisecond, or after so many steps where the clock stands still, and the next one comes
 * by a timer, so that requests are never kept waiting for longer than one slice.
 *
 * @module
 */

import type { Clock, Timer } from "../clock.ts";
import type { Store } from "./store.ts";

/** How often the janitor looks when there was nothing to do. */
const REST_MS = 100;
const SLICE_MS = 0.5;
/** Between two looks at the clock: some 50 µs of work. */
const STEPS_PER_LOOK = 128;
const MAX_LOOKS_PER_SLICE = 64;

/** Tidies a store until it is stopped. */
export class Janitor {
  readonly #store: Store;
  readonly #clock: Clock;
  #timer: Timer | undefined;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Starts working. */
  start(): void {
    this.#timer = this.#clock.schedule(REST_MS, this.#work);
  }

  /** Stops for good. */
  stop(): void {
    this.#timer?.cancel();
  }

  readonly #work = (): void => {
    this.#timer = this.#clock.schedule(this.#slice() ? 0 : REST_MS, this.#work);
  };

  /** Returns whether there is more to do at once. */
  #slice(): boolean {
    const endMs = this.#clock.nowMs() + SLICE_MS;
    for (let look = 0; look < MAX_LOOKS_PER_SLICE; look++) {
      if (!this.#store.tidy(STEPS_PER_LOOK)) return false;
      if (this.#clock.nowMs() >= endMs) break;
    }
    return true;
  }
}
