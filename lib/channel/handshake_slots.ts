/**
 * How many handshakes are computed at once. Only those count whose hello has come: who connects and stays silent takes
 * no slot from others.
 *
 * @module
 */

import { MAX_CONCURRENT_HANDSHAKES } from "../limits.ts";

/** The slots of one server. */
export class HandshakeSlots {
  #free: number;
  /** Those who wait, the longest waiting first. Each is a connection with a deadline, so their number is bounded. */
  readonly #waiting = new Set<() => void>();

  /** @param slots how many there are */
  constructor(slots: number = MAX_CONCURRENT_HANDSHAKES) {
    this.#free = slots;
  }

  /** How many wait for a slot. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Does the work once there is a slot for it. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((begin) => this.#waiting.add(begin));
    try {
      return await work();
    } finally {
      this.#passOn();
    }
  }

  /** Gives a slot to the one who has waited longest, if anybody does. */
  #passOn(): void {
    for (const begin of this.#waiting) {
      this.#waiting.delete(begin);
      return begin();
    }
    this.#free++;
  }
}
