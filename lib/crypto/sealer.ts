/**
 * Sealing values and opening them: the envelope (envelope.ts) around the inner plaintext (inner.ts) under XAES-256-GCM
 * (xaes.ts), with the keys of a keyring (keyring.ts). Which bytes a value becomes is value.ts's.
 *
 * @module
 */

import { type Clock, systemClock } from "../clock.ts";
import { CryptomemError } from "../errors.ts";
import { DEFAULT_MAX_VALUE_BYTES, MAX_NONCE_EPOCH_WRITES, NOT_AFTER_SKEW_MS } from "../limits.ts";
import { deflateRaw } from "./deflate.ts";
import {
  associatedData,
  decodeEnvelope,
  encodeEnvelope,
  type Opened,
  refusal,
  type SealedBody,
  type SealOptions,
  type Slot,
} from "./envelope.ts";
import { inflateRaw } from "./inflate.ts";
import { checkOptions, decodeInner, encodeInner, layoutFor } from "./inner.ts";
import type { Keyring } from "./keyring.ts";
import { NonceSource, type RandomBytes } from "./nonce.ts";

/** Settings of {@linkcode Sealer.create}. */
export interface SealerOptions {
  /** Time, for epochs and authenticated expiries; the machine's by default. */
  readonly clock?: Clock;
  /** Where nonces come from; `crypto.getRandomValues` by default. Anything predictable is for tests only. */
  readonly randomBytes?: RandomBytes;
  /** Longest body that is sealed or opened, also after decompression; 16 MiB by default. */
  readonly maxValueBytes?: number;
  /** Hides the exact length of values (padding.ts); on by default if `compression` is, else off. */
  readonly padding?: boolean;
  /** Compresses values that get smaller by it (deflate.ts says what that gives away); off by default. */
  readonly compression?: boolean;
  /**
   * Takes a new nonce prefix for every value, so that the server cannot tell which values were sealed by one client;
   * several times as slow. Off by default.
   */
  readonly fresh?: boolean;
}

const NO_OPTIONS: SealOptions = {};

/**
 * Seals with the active key of a keyring and opens with any of them. Safe for any number of calls at once, which share
 * nothing but the epoch's counts.
 */
export class Sealer {
  readonly #keyring: Keyring;
  readonly #nonces: NonceSource;
  readonly #clock: Clock;
  readonly #maxValueBytes: number;
  readonly #isPadding: boolean;
  readonly #isCompressing: boolean;

  private constructor(keyring: Keyring, options: SealerOptions) {
    const {
      clock = systemClock,
      randomBytes = (bytes) => void crypto.getRandomValues(bytes),
      maxValueBytes = DEFAULT_MAX_VALUE_BYTES,
      compression = false,
      padding = compression,
      fresh = false,
    } = options;
    if (compression && !padding) {
      throw new TypeError("Cannot compress without padding: lengths would tell what values contain; leave padding on");
    }
    this.#keyring = keyring;
    this.#nonces = new NonceSource(clock, randomBytes, fresh ? 1 : MAX_NONCE_EPOCH_WRITES);
    this.#clock = clock;
    this.#maxValueBytes = maxValueBytes;
    this.#isPadding = padding;
    this.#isCompressing = compression;
  }

  /**
   * A sealer over a keyring, which may change while the sealer is in use.
   *
   * @throws TypeError if compression is asked for and padding refused
   */
  static create(keyring: Keyring, options: SealerOptions = {}): Sealer {
    return new Sealer(keyring, options);
  }

  /**
   * Seals a value for a slot with the key that is active now; every envelope is another, also for the same value. All
   * arguments are read before this returns, so their bytes may change afterwards.
   *
   * @returns the envelope: without options and padding, 46 bytes longer than the body
   * @throws CryptomemError `TOO_LARGE` if the body has more than `maxValueBytes`; RangeError if an option is outside
   * of its range
   */
  async seal(slot: Slot, value: SealedBody, options: SealOptions = NO_OPTIONS): Promise<Uint8Array<ArrayBuffer>> {
    if (value.body.length > this.#maxValueBytes) {
      throw new CryptomemError(
        "TOO_LARGE",
        `Cannot seal value: it has ${value.body.length} bytes, the limit is ${this.#maxValueBytes}`,
      );
    }
    checkOptions(options);
    const key = this.#keyring.active;
    const layout = layoutFor(options);
    const data = associatedData(layout, key.idBytes, slot);
    const inner = this.#isCompressing
      ? await this.#compressedInner(value, options)
      : encodeInner(value, false, this.#isPadding, options);
    // Random and used once: nonce.ts says why it will not repeat, under this client or any other with the same key.
    const nonce = this.#nonces.next(inner.length);
    const sealed = key.cipher.seal(nonce, data, inner);
    return encodeEnvelope(layout, key.idBytes, nonce, sealed instanceof Promise ? await sealed : sealed);
  }

  async #compressedInner(value: SealedBody, options: SealOptions): Promise<Uint8Array<ArrayBuffer>> {
    const body = new Uint8Array(value.body);
    const { name } = options;
    const kept = name === undefined ? options : { ...options, name: new Uint8Array(name) };
    const compressed = await deflateRaw(body);
    return compressed.length < body.length
      ? encodeInner({ type: value.type, body: compressed }, true, this.#isPadding, kept)
      : encodeInner({ type: value.type, body }, false, this.#isPadding, kept);
  }

  /**
   * Opens an envelope that was sealed for this very slot. All arguments are read before this returns.
   *
   * One key is tried at most, the one that the envelope names: trying others until one opens would let a server learn
   * which keys a client has (CRYPTO.md §1.3).
   *
   * @throws IntegrityError if the envelope is anything else: not one at all, changed, of another slot or key, expired,
   * or longer than `maxValueBytes`. Nothing of the value is given then
   */
  async open(slot: Slot, envelope: Uint8Array): Promise<Opened> {
    const { layout, keyId, nonce, ciphertext } = decodeEnvelope(envelope);
    const key = this.#keyring.find(keyId);
    if (key === undefined) throw refusal(this.#keyring.wasDropped(keyId) ? "dropped-key-id" : "unknown-key-id");
    const opening = key.cipher.open(nonce, associatedData(layout, key.idBytes, slot), ciphertext);
    const inner = opening instanceof Promise ? await opening : opening;
    if (inner === undefined) throw refusal("auth");
    const { type, compressed, notAfterMs, sequence, name, body } = decodeInner(inner, layout);
    if (notAfterMs !== undefined && this.#clock.wallMs() > notAfterMs + NOT_AFTER_SKEW_MS) throw refusal("expired");
    if (!compressed && body.length > this.#maxValueBytes) throw refusal("size-limit");
    const value = compressed ? await inflateRaw(body, this.#maxValueBytes) : body;
    return { type, body: value, keyId, notAfterMs, sequence, name };
  }
}
