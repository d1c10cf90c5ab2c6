/**
 * One timer for all calls of a client. Every call of a client has the same timeout, so calls time out in the order in
 * which they were made, and only the oldest needs to be watched: no call sets or clears a timer of its own.
 *
 * @module
 */

import type { Clock, Timer } from "../clock.ts";
import { CLIENT_TIMER_STEP_MS } from "../limits.ts";

/** Calls back when the oldest deadline has passed. */
export class DeadlineTimer {
  readonly #clock: Clock;
  readonly #expire: (nowMs: number) => number | undefined;
  #pending: Timer | undefined = undefined;

  /** @param expire settles everything due by `nowMs` and tells the next deadline, if there is one; must not throw */
  constructor(clock: Clock, expire: (nowMs: number) => number | undefined) {
    this.#clock = clock;
    this.#expire = expire;
  }

  /** Watches a deadline which is not earlier than those watched already. */
  watch(deadlineMs: number): void {
    if (this.#pending !== undefined) return;
    // The step keeps deadlines that are microseconds apart from costing a timer each.
    const delayMs = Math.max(deadlineMs - this.#clock.nowMs(), CLIENT_TIMER_STEP_MS);
    this.#pending = this.#clock.schedule(delayMs, () => {
      this.#pending = undefined;
      const nextMs = this.#expire(this.#clock.nowMs());
      if (nextMs !== undefined) this.watch(nextMs);
    });
  }

  /** Forgets all deadlines. */
  cancel(): void {
    this.#pending?.cancel();
    this.#pending = undefined;
  }
}
