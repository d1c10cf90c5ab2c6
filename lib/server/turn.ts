/**
 * How long connections are served before the event loop has to look at what the others want: for so many requests, or for so
 * long with what one of them has sent at once.
 *
 * Requests of those who send more at once than is read at once count together over all their reads: the loop goes on from
 * one such read to the next without looking at who else is there (next_turn.ts). Of all others it sees to that by itself,
 * and being made to look costs as much as a thousand of their requests.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { MAX_TURN_MS, REQUESTS_PER_TURN_CHECK } from "../limits.ts";
import { nextTurn } from "./next_turn.ts";

/** So many bytes of a request count as much as another request: long ones do more, as MGET does. */
const BYTES_PER_REQUEST_SHIFT = 8;
const NOT_LOOKED = -1;

/** What all connections of a server have together. */
export interface Turns {
  /** Requests of those who send without end, since the loop was last made to look. */
  requests: number;
}

/** The part of one connection in it. */
export class Turn {
  readonly #clock: Clock;
  readonly #maxRequests: number;
  readonly #turns: Turns;
  /** Requests of what was sent at once, and of how many the next look at the clock is due. */
  #requests = 0;
  #checkAt = 0;
  /** Whether there is more behind what was read. */
  #isEndless = false;
  /** When the clock was first looked at for it: the time in which a client sends nothing is nobody's. */
  #startMs = NOT_LOOKED;
  /** Whether others should have their turn now. */
  isOver = false;

  constructor(clock: Clock, maxRequests: number, turns: Turns) {
    this.#clock = clock;
    this.#maxRequests = maxRequests;
    this.#turns = turns;
    this.begin(false);
  }

  /**
   * Something was read, and is about to be served.
   *
   * @param isFull whether it was as much as there was room for
   */
  begin(isFull: boolean): void {
    this.#isEndless = isFull;
    this.#requests = 0;
    this.#checkAt = Math.min(REQUESTS_PER_TURN_CHECK, this.#maxRequests);
    this.#startMs = NOT_LOOKED;
  }

  /** Counts a request of so many bytes. Returns whether others should have their turn before the next one. */
  count(bytes: number): boolean {
    const units = 1 + (bytes >>> BYTES_PER_REQUEST_SHIFT);
    this.#requests += units;
    if (this.#isEndless && (this.#turns.requests += units) >= this.#maxRequests) return this.isOver = true;
    if (this.#requests < this.#checkAt) return false;
    if (this.#requests >= this.#maxRequests || this.#hasTakenLong()) return this.isOver = true;
    this.#checkAt = Math.min(this.#requests + REQUESTS_PER_TURN_CHECK, this.#maxRequests);
    return false;
  }

  /** Lets others have theirs; then the next one begins. */
  async pass(): Promise<void> {
    this.#turns.requests = 0;
    await nextTurn();
    this.isOver = false;
    this.begin(this.#isEndless);
  }

  #hasTakenLong(): boolean {
    const nowMs = this.#clock.nowMs();
    if (this.#startMs !== NOT_LOOKED) return nowMs - this.#startMs >= MAX_TURN_MS;
    this.#startMs = nowMs;
    return false;
  }
}
