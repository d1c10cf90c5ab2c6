/**
 * Random: any entry, each with about the same chance. Keeps nothing for an entry.
 *
 * @module
 */

import { UnlistedPolicy } from "./unlisted.ts";

/** Evicts at random. */
export class RandomPolicy extends UnlistedPolicy {
  readonly name = "random";
  /** xorshift32 (Marsaglia, 2003): which entries go is no secret, and any state but 0 will do. */
  #state = 0x2545_f491;

  protected choose(): number {
    const { index } = this.host;
    while (index.size > 0) {
      this.#state ^= this.#state << 13;
      this.#state ^= this.#state >>> 17;
      this.#state ^= this.#state << 5;
      const address = index.addressAt(this.#state >>> 0);
      if (address !== 0) return address;
    }
    return 0;
  }
}
