/**
 * How long one connection is served before others have their turn: for so many requests, or for so long.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { MAX_TURN_MS, REQUESTS_PER_TURN_CHECK } from "../limits.ts";
import { nextTurn } from "./next_turn.ts";

/** So many bytes of a request count as much as another request: long ones do more, as MGET does. */
const BYTES_PER_REQUEST_SHIFT = 8;

/** The turns of one connection. */
export class Turn {
  readonly #clock: Clock;
  readonly #maxRequests: number;
  /** Requests since others had their turn, and of how many the next look at the clock is due. */
  #requests = 0;
  #checkAt: number;
  #startMs = 0;
  /** Whether others should have their turn now. */
  isOver = false;

  constructor(clock: Clock, maxRequests: number) {
    this.#clock = clock;
    this.#maxRequests = maxRequests;
    this.#checkAt = Math.min(REQUESTS_PER_TURN_CHECK, maxRequests);
  }

  /** Counts a request of so many bytes. Returns whether others should have their turn before the next one. */
  count(bytes: number): boolean {
    this.#requests += 1 + (bytes >>> BYTES_PER_REQUEST_SHIFT);
    if (this.#requests < this.#checkAt) return false;
    if (this.#requests >= this.#maxRequests || this.#clock.nowMs() - this.#startMs >= MAX_TURN_MS) {
      return this.isOver = true;
    }
    this.#checkAt = Math.min(this.#checkAt + REQUESTS_PER_TURN_CHECK, this.#maxRequests);
    return false;
  }

  /** Lets others have theirs; then the next one begins. */
  async pass(): Promise<void> {
    await nextTurn();
    this.isOver = false;
    this.#requests = 0;
    this.#checkAt = Math.min(REQUESTS_PER_TURN_CHECK, this.#maxRequests);
    this.#startMs = this.#clock.nowMs();
  }
}
