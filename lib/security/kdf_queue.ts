/**
 * Takes turns at what is slow on purpose: a few at once, some more in line, and everybody else is told to come back.
 *
 * @module
 */

import { CryptomemError } from "../errors.ts";
import { MAX_CONCURRENT_PASSWORD_CHECKS, MAX_WAITING_PASSWORD_CHECKS } from "../limits.ts";

/**
 * How many are done at once on a machine of so many cores: one core is left for the thread that serves everybody. Without
 * it, that thread waits for the end of a time slice whenever it has something to do, which is milliseconds.
 */
export function kdfsAtOnce(cores: number): number {
  return Math.max(1, Math.min(MAX_CONCURRENT_PASSWORD_CHECKS, cores - 1));
}

/**
 * A short queue in which networks (peer_network.ts) take turns: whoever has many waiting is served as often as who has one,
 * and is the one to give way when the queue is full. So a burst of guesses from one place costs the others one of them.
 */
export class KdfQueue {
  readonly #atOnce: number;
  #running = 0;
  #waiting = 0;
  /** Who waits, by network; the first network's turn is next. Each is told whether it may begin. */
  readonly #lines = new Map<string, ((mayBegin: boolean) => void)[]>();

  /** @param atOnce how many tasks run at once; as many as this machine should, if left out */
  constructor(atOnce: number = kdfsAtOnce(navigator.hardwareConcurrency)) {
    this.#atOnce = atOnce;
  }

  /**
   * Does something as soon as it has its turn.
   *
   * @throws CryptomemError `BUSY` if the queue is full
   */
  async run<T>(network: string, task: () => Promise<T>): Promise<T> {
    if (this.#running < this.#atOnce) this.#running++;
    // Who goes leaves its place to the next, so that nobody can slip in between.
    else if (!await this.#turn(network)) {
      throw new CryptomemError("BUSY", "too many passwords are being checked, try again");
    }
    try {
      return await task();
    } finally {
      if (!this.#passOn()) this.#running--;
    }
  }

  #turn(network: string): Promise<boolean> {
    const own = this.#lines.get(network);
    if (this.#waiting >= MAX_WAITING_PASSWORD_CHECKS && !this.#makeRoom((own?.length ?? 0) + 1)) {
      return Promise.resolve(false);
    }
    this.#waiting++;
    return new Promise((turn) => {
      if (own === undefined) this.#lines.set(network, [turn]);
      else own.push(turn);
    });
  }

  /** Sends away the last of the longest line, if it is longer than that of who needs the place would be. */
  #makeRoom(length: number): boolean {
    const longest = [...this.#lines.values()].reduce((one, other) => other.length > one.length ? other : one);
    if (longest.length <= length) return false;
    this.#waiting--;
    longest.pop()!(false);
    return true;
  }

  /** Gives a place to the next, if anybody waits. */
  #passOn(): boolean {
    for (const [network, line] of this.#lines) {
      this.#lines.delete(network);
      const turn = line.shift()!;
      if (line.length > 0) this.#lines.set(network, line);
      this.#waiting--;
      turn(true);
      return true;
    }
    return false;
  }
}
