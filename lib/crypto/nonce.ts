/**
 * Which nonce the next value is sealed with: nothing here knows a cipher.
 *
 * ```
 * off len field
 * 0   12  prefix  random, the same for one epoch of one source
 * 12  12  tail    random, fresh for every value
 * ```
 *
 * A repeated nonce would break GCM, and no client can see what the others use, so each nonce is 192 random bits that
 * collide with nobody's. Deriving the subkey of a new prefix costs several times as much as sealing a small value;
 * keeping the prefix for an epoch saves that, and bounding the epoch keeps the chance that its tails repeat at 2^-65,
 * or 2^-33 after 2^48 values (CRYPTO.md §1.1). Fresh random tails, rather than a counter, because a process that is
 * restored from an image twice would count the same numbers again.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { MAX_NONCE_EPOCH_BYTES, MAX_NONCE_EPOCH_MS, MAX_NONCE_EPOCH_WRITES } from "../limits.ts";
import { NONCE_BYTES, NONCE_PREFIX_BYTES } from "./xaes.ts";

/** Fills an array with unpredictable bytes. */
export type RandomBytes = (bytes: Uint8Array<ArrayBuffer>) => void;

/** Nonces for one key in one client. */
export class NonceSource {
  readonly #clock: Clock;
  readonly #randomBytes: RandomBytes;
  readonly #writesPerEpoch: number;
  // Kept to save an allocation a value. Nonces are public: nothing is lost by their staying in memory.
  readonly #prefix = new Uint8Array(NONCE_PREFIX_BYTES);
  readonly #tail = new Uint8Array(NONCE_BYTES - NONCE_PREFIX_BYTES);
  #writesLeft = 0;
  #bytesLeft = 0;
  #endMs = 0;

  /**
   * Starts without an epoch: the first value begins one.
   *
   * @param clock tells when an epoch has lasted long enough
   * @param randomBytes where prefixes and tails come from
   * @param writesPerEpoch how many values share a prefix: at most {@linkcode MAX_NONCE_EPOCH_WRITES}; with 1, nothing
   * shows which values come from one source
   */
  constructor(clock: Clock, randomBytes: RandomBytes, writesPerEpoch: number = MAX_NONCE_EPOCH_WRITES) {
    this.#clock = clock;
    this.#randomBytes = randomBytes;
    this.#writesPerEpoch = writesPerEpoch;
  }

  /**
   * The nonce for one value. Synchronous, so that no number of calls at once can overdraw an epoch.
   *
   * @param plaintextBytes what is going to be sealed with it
   */
  next(plaintextBytes: number): Uint8Array<ArrayBuffer> {
    const nowMs = this.#clock.nowMs();
    if (this.#writesLeft === 0 || this.#bytesLeft < plaintextBytes || nowMs >= this.#endMs) {
      this.#randomBytes(this.#prefix);
      this.#writesLeft = this.#writesPerEpoch;
      this.#bytesLeft = MAX_NONCE_EPOCH_BYTES;
      this.#endMs = nowMs + MAX_NONCE_EPOCH_MS;
    }
    this.#writesLeft--;
    this.#bytesLeft -= plaintextBytes;
    this.#randomBytes(this.#tail);
    const nonce = new Uint8Array(NONCE_BYTES);
    nonce.set(this.#prefix);
    nonce.set(this.#tail, NONCE_PREFIX_BYTES);
    return nonce;
  }
}
