/**
 * Blinded names: what the server sees in place of a key's name (CRYPTO.md §1.4).
 *
 * ```
 * blinded = HMAC-SHA-256(name key, "cryptomem/v1/name" 00 ‖ lp(namespace) ‖ lp(key)), its first 16 bytes,
 *           in base64url without padding: 22 characters
 * ```
 *
 * The same name always gives the same text, or nothing could be found again: the server still sees which names are
 * equal and how often each is used. The name key has a root of its own, so that rotating the keys of the values
 * moves no names; rotating it leaves a cold cache.
 *
 * @module
 */

import { binaryText, utf8 } from "../bytes.ts";
import { MAX_CACHED_BLINDED_NAMES, MAX_CACHED_NAME_BYTES } from "../limits.ts";
import { deriveNameKey, type KeySource, readKey } from "./key.ts";
import { LENGTH_PREFIX_BYTES, writePrefixed } from "./length_prefix.ts";
import { LruMap } from "./lru_map.ts";
import { hmacSign } from "./subtle.ts";

/** Bytes that are kept of the HMAC: two of 2^40 names share them with a chance of 2^-49. */
const BLINDED_BYTES = 16;
const DOMAIN = utf8("cryptomem/v1/name\0");

/** Blinds names with one key. */
export class NameKey {
  readonly #key: CryptoKey;
  /** Promises, so that calls which come at once with a new name share one HMAC. */
  readonly #blinded = new LruMap<string, Promise<string>>(MAX_CACHED_BLINDED_NAMES);

  private constructor(key: CryptoKey) {
    this.#key = key;
  }

  /**
   * Derives the key; its root is wiped once it is.
   *
   * @throws TypeError or RangeError, at once rather than by rejecting, if the source has no form that can be used
   */
  static create(source: KeySource): Promise<NameKey> {
    const root = readKey(source);
    return root().then(deriveNameKey).then((key) => new NameKey(key));
  }

  /**
   * The blinded name of a key. The arguments are read before this returns.
   *
   * @param namespace UTF-8
   * @param key UTF-8, without the namespace
   * @returns 22 characters of base64url
   */
  blind(namespace: Uint8Array, key: Uint8Array): Promise<string> {
    const data = new Uint8Array(DOMAIN.length + 2 * LENGTH_PREFIX_BYTES + namespace.length + key.length);
    data.set(DOMAIN);
    writePrefixed(key, data, writePrefixed(namespace, data, DOMAIN.length));
    if (namespace.length + key.length > MAX_CACHED_NAME_BYTES) return this.#hmac(data);

    const name = binaryText(data.subarray(DOMAIN.length));
    let blinded = this.#blinded.get(name);
    if (blinded === undefined) {
      blinded = this.#hmac(data);
      this.#blinded.set(name, blinded);
    }
    return blinded;
  }

  async #hmac(data: Uint8Array<ArrayBuffer>): Promise<string> {
    const mac = await hmacSign(this.#key, data);
    return mac.subarray(0, BLINDED_BYTES).toBase64({ alphabet: "base64url", omitPadding: true });
  }
}
