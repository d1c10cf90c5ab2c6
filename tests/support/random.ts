/**
 * Seeded randomness for tests: a failure names the seed, and the seed repeats it.
 *
 * @module
 */

/** mulberry32: small, fast, and good enough to choose test cases. */
export class Random {
  readonly seed: number;
  #state: number;

  /** @param seed from an earlier failure, or a new one */
  constructor(seed: number = crypto.getRandomValues(new Uint32Array(1))[0]!) {
    this.seed = seed;
    this.#state = seed;
  }

  /** An integer from 0 up to, not including, `limit`. */
  below(limit: number): number {
    this.#state = this.#state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(this.#state ^ this.#state >>> 15, this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
    return Math.floor(((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32 * limit);
  }

  /** That many random bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.below(256);
    return bytes;
  }
}

/** Runs a test on random choices; a failure names the seed. */
export function withSeed(test: (random: Random) => void): void {
  const random = new Random();
  try {
    test(random);
  } catch (error) {
    throw new Error(`seed ${random.seed}`, { cause: error });
  }
}
