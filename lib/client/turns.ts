/**
 * Who is next at which key. A call of one request has its place among the others from the moment it is made; a call of
 * several has a turn here, so that calls on one key keep their order all the same, and do not fight each other.
 *
 * @module
 */

import type { Clock, Timer } from "../clock.ts";
import { CryptomemError } from "../errors.ts";
import { describe } from "./call.ts";

/** Turns at keys, given in the order in which they are asked for. */
export class Turns {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  /** By key, when the last turn that was asked for ends. Never rejects. */
  readonly #ends = new Map<string, Promise<void>>();
  /** Of those who wait for such an end: who closes waits for them, too. */
  readonly #waits = new Set<Promise<void>>();

  /** @param timeoutMs how long anybody waits: a turn whose holder waits for a call on the same key would never end */
  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * What a call of one request waits for: the end of the last turn at its key; `undefined` if there is none. Those who
   * wait go on in the order in which they asked, before the next turn begins.
   *
   * @returns rejects with CryptomemError `TIMEOUT`
   */
  before(verb: string, key: string): Promise<void> | undefined {
    const end = this.#ends.get(key);
    if (end === undefined) return undefined;
    const wait = this.#wait(verb, key, end), forget = () => void this.#waits.delete(wait);
    this.#waits.add(wait);
    wait.then(forget, forget);
    return wait;
  }

  /**
   * Does something when it is its turn at all of the keys; at once if nobody is before it.
   *
   * @throws CryptomemError `TIMEOUT`, and what the task throws
   */
  async take<T>(verb: string, keys: readonly string[], task: () => Promise<T>): Promise<T> {
    const earlier = keys.map((key) => this.before(verb, key)).filter((end) => end !== undefined);
    const { promise: end, resolve } = Promise.withResolvers<void>();
    // At all keys at once, or two turns could wait for each other.
    for (const key of keys) this.#ends.set(key, end);
    try {
      if (earlier.length > 0) await Promise.all(earlier);
      return await task();
    } finally {
      for (const key of keys) if (this.#ends.get(key) === end) this.#ends.delete(key);
      resolve();
    }
  }

  /** Resolves when no turn is left, and whoever waited for one has gone on. */
  async finished(): Promise<void> {
    while (this.#ends.size + this.#waits.size > 0) {
      await Promise.allSettled([...this.#ends.values(), ...this.#waits]);
    }
  }

  async #wait(verb: string, key: string, end: Promise<void>): Promise<void> {
    let timer: Timer | undefined;
    const timeout = new Promise<void>((_, reject) => {
      timer = this.#clock.schedule(this.#timeoutMs, () => {
        const state = `a change of it that was asked for before is not done within ${this.#timeoutMs} ms`;
        reject(new CryptomemError("TIMEOUT", `Cannot ${describe(verb, key)}: ${state}`));
      });
    });
    try {
      await Promise.race([end, timeout]);
    } finally {
      timer!.cancel();
    }
  }
}
