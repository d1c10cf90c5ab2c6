/**
 * Takes turns at what is slow on purpose: a few at once, some more in line, and everybody else is told to come back.
 *
 * @module
 */

import { CryptomemError } from "../errors.ts";
import { MAX_CONCURRENT_PASSWORD_CHECKS, MAX_WAITING_PASSWORD_CHECKS } from "../limits.ts";

/** A short queue. */
export class KdfQueue {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /**
   * Does something as soon as it has its turn.
   *
   * @throws CryptomemError `BUSY` if the queue is full
   */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running < MAX_CONCURRENT_PASSWORD_CHECKS) this.#running++;
    else if (this.#waiting.length < MAX_WAITING_PASSWORD_CHECKS) {
      // Who goes leaves its place to the next, so that nobody can slip in between.
      await new Promise<void>((turn) => this.#waiting.push(turn));
    } else throw new CryptomemError("BUSY", "too many passwords are being checked, try again");
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
