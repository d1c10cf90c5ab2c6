/**
 * How long connections are served before the event loop has to look at what the others want: for so many requests of all of
 * them together, or for so long with what one of them has sent at once.
 *
 * They count together because those that are busy already take turns by themselves, and it is the others whom the loop
 * does not see meanwhile (next_turn.ts). Letting it look costs as much as a hundred requests, so it is not done for each.
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
  /** Requests since the loop was last made to look. */
  requests: number;
}

/** The part of one connection in it. */
export class Turn {
  readonly #clock: Clock;
  readonly #maxRequests: number;
  readonly #turns: Turns;
  /** Requests of what was sent at once, and of how many the next look at the clock is due. */
  #requests = 0;
  #checkAt = REQUESTS_PER_TURN_CHECK;
  /** When the clock was first looked at for it: the time in which a client sends nothing is nobody's. */
  #startMs = NOT_LOOKED;
  /** Whether others should have their turn now. */
  isOver = false;

  constructor(clock: Clock, maxRequests: number, turns: Turns) {
    this.#clock = clock;
    this.#maxRequests = maxRequests;
    this.#turns = turns;
  }

  /** Something was read, and is about to be served. */
  begin(): void {
    this.#requests = 0;
    this.#checkAt = REQUESTS_PER_TURN_CHECK;
    this.#startMs = NOT_LOOKED;
  }

  /** Counts a request of so many bytes. Returns whether others should have their turn before the next one. */
  count(bytes: number): boolean {
    const units = 1 + (bytes >>> BYTES_PER_REQUEST_SHIFT);
    this.#turns.requests += units;
    if (this.#turns.requests >= this.#maxRequests) return this.isOver = true;
    this.#requests += units;
    if (this.#requests < this.#checkAt) return false;
    if (this.#hasTakenLong()) return this.isOver = true;
    this.#checkAt = this.#requests + REQUESTS_PER_TURN_CHECK;
    return false;
  }

  /** Lets others have theirs; then the next one begins. */
  async pass(): Promise<void> {
    this.#turns.requests = 0;
    await nextTurn();
    this.isOver = false;
    this.begin();
  }

  #hasTakenLong(): boolean {
    const nowMs = this.#clock.nowMs();
    if (this.#startMs !== NOT_LOOKED) return nowMs - this.#startMs >= MAX_TURN_MS;
    this.#startMs = nowMs;
    return false;
  }
}
