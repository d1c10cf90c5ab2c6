/**
 * Sealing values and opening them: the envelope (envelope.ts) under XAES-256-GCM (xaes.ts), with a key derived from
 * the root (key.ts). Which bytes a value becomes is value.ts's.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { CryptomemError } from "../errors.ts";
import { DEFAULT_MAX_VALUE_BYTES, NOT_AFTER_SKEW_MS } from "../limits.ts";
import {
  associatedData,
  decodeEnvelope,
  decodeInner,
  encodeEnvelope,
  encodeInner,
  refusal,
  type SealedBody,
  type Slot,
} from "./envelope.ts";
import { inflateRaw } from "./inflate.ts";
import { deriveKeys, rootKey } from "./key.ts";
import { NonceSource, type RandomBytes } from "./nonce.ts";
import { Xaes } from "./xaes.ts";

/** Settings of {@linkcode Sealer.create}. */
export interface SealerOptions {
  /** Time, for epochs and authenticated expiries; the machine's by default. */
  readonly clock?: Clock;
  /** Where nonces come from; `crypto.getRandomValues` by default. Anything predictable is for tests only. */
  readonly randomBytes?: RandomBytes;
  /** Longest body that is sealed or opened, also after decompression; 16 MiB by default. */
  readonly maxValueBytes?: number;
}

/**
 * Seals and opens with one key. Safe for any number of calls at once, which share nothing but the epoch's counts.
 */
export class Sealer {
  /** The four bytes that name the key in every envelope; public. */
  readonly keyId: Uint8Array;
  readonly #cipher: Xaes;
  readonly #nonces: NonceSource;
  readonly #clock: Clock;
  readonly #maxValueBytes: number;

  private constructor(keyId: Uint8Array, cipher: Xaes, options: SealerOptions) {
    const {
      clock = systemClock,
      randomBytes = (bytes) => void crypto.getRandomValues(bytes),
      maxValueBytes = DEFAULT_MAX_VALUE_BYTES,
    } = options;
    this.keyId = keyId;
    this.#cipher = cipher;
    this.#nonces = new NonceSource(clock, randomBytes);
    this.#clock = clock;
    this.#maxValueBytes = maxValueBytes;
  }

  /**
   * Derives the keys; the root is wiped once they are, the caller's array is left as it is.
   *
   * @param key in one of the forms of `rootKey` (key.ts). A wrong one throws at once, rather than reject, so that a
   * client may start this in its constructor and await it in its calls
   * @throws TypeError or RangeError if the key has none of the forms
   */
  static create(key: string | Uint8Array, options: SealerOptions = {}): Promise<Sealer> {
    return Sealer.#derive(rootKey(key), options);
  }

  static async #derive(root: Uint8Array<ArrayBuffer>, options: SealerOptions): Promise<Sealer> {
    const { valueKey, keyId } = await deriveKeys(root);
    return new Sealer(keyId, await Xaes.create(valueKey), options);
  }

  /**
   * Seals a value for a slot; every envelope is another, also for the same value. All arguments are read before this
   * returns, so their bytes may change afterwards.
   *
   * @returns the envelope, 46 bytes longer than the body
   * @throws CryptomemError `TOO_LARGE` if the body has more than `maxValueBytes`
   */
  async seal(slot: Slot, value: SealedBody): Promise<Uint8Array<ArrayBuffer>> {
    if (value.body.length > this.#maxValueBytes) {
      throw new CryptomemError(
        "TOO_LARGE",
        `Cannot seal value: it has ${value.body.length} bytes, the limit is ${this.#maxValueBytes}`,
      );
    }
    const inner = encodeInner(value);
    // Random and used once: nonce.ts says why it will not repeat, under this client or any other with the same key.
    const nonce = this.#nonces.next(inner.length);
    const ciphertext = await this.#cipher.seal(nonce, associatedData(this.keyId, slot), inner);
    return encodeEnvelope(this.keyId, nonce, ciphertext);
  }

  /**
   * Opens an envelope that was sealed for this very slot. All arguments are read before this returns.
   *
   * @throws IntegrityError if the envelope is anything else: not one at all, changed, of another slot or key, expired,
   * or longer than `maxValueBytes`. Nothing of the value is given then
   */
  async open(slot: Slot, envelope: Uint8Array): Promise<SealedBody> {
    const { nonce, ciphertext } = decodeEnvelope(envelope, this.keyId);
    const inner = await this.#cipher.open(nonce, associatedData(this.keyId, slot), ciphertext);
    if (inner === undefined) throw refusal("auth");
    const { type, compressed, notAfterMs, body } = decodeInner(inner);
    if (notAfterMs !== undefined && this.#clock.wallMs() > notAfterMs + NOT_AFTER_SKEW_MS) throw refusal("expired");
    if (compressed) return { type, body: await inflateRaw(body, this.#maxValueBytes) };
    if (body.length > this.#maxValueBytes) throw refusal("size-limit");
    return { type, body };
  }
}
