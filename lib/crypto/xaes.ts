/**
 * XAES-256-GCM (C2SP, https://c2sp.org/XAES-256-GCM): AES-256-GCM with a nonce of 24 bytes, of which the first 12
 * choose a subkey and the last 12 are GCM's nonce under it.
 *
 * ```
 * nonce   N = prefix (12 bytes) ‖ tail (12 bytes)
 * mask   K1 = double(AES_K(0^16))                   as in CMAC (RFC 4493)
 * subkey Kx = AES_K(00 01 58 00 ‖ prefix ⊕ K1) ‖ AES_K(00 02 58 00 ‖ prefix ⊕ K1)
 * result    = AES-256-GCM(Kx, tail, associated data, plaintext)
 * ```
 *
 * Which nonces are used is not decided here but in nonce.ts.
 *
 * @module
 */

import { binaryText } from "../bytes.ts";
import { MAX_CACHED_SUBKEYS, MAX_NATIVE_CIPHER_BYTES } from "../limits.ts";
import { LruMap } from "./lru_map.ts";
import { importNativeGcm, nativeGcmOpen, nativeGcmSeal, type NativeKey } from "./native_gcm.ts";
import { aesGcmOpen, aesGcmSeal, type Bytes, encryptAesBlock, importAesGcm } from "./subtle.ts";

/** Bytes of a nonce. */
export const NONCE_BYTES = 24;
/** Bytes of a nonce that choose the subkey. */
export const NONCE_PREFIX_BYTES = 12;
/** Bytes that the ciphertext is longer than the plaintext. */
export const TAG_BYTES = 16;

const BLOCK_BYTES = 16;
const PREFIX_START = BLOCK_BYTES - NONCE_PREFIX_BYTES;
/** The character "X", which keeps these inputs apart from any other use of the same derivation (SP 800-108 label). */
const LABEL = 0x58;
/** The reduction polynomial of GF(2^128) in CMAC: x^7 + x^2 + x + 1. */
const DOUBLING_CONSTANT = 0x87;

/** The subkey of a prefix, in the two ciphers that share the work. */
interface Subkey {
  /** For long texts, on another thread. */
  readonly web: CryptoKey;
  /** For short ones, at once; `undefined` where there is none. */
  readonly native: NativeKey | undefined;
}

/**
 * One XAES key with the subkeys of its latest nonce prefixes. A short text under a prefix in use is encrypted at once,
 * without a promise; everything else gives one.
 */
export class Xaes {
  readonly #key: CryptoKey;
  readonly #mask: Uint8Array<ArrayBuffer>;
  /**
   * Subkeys by prefix. On reading, the server chooses the prefixes: it can make each read derive (about 55 µs), but
   * not more than this many be kept. Promises while they are derived, so that calls which come at once with a new
   * prefix share one derivation.
   */
  readonly #subkeys = new LruMap<string, Subkey | Promise<Subkey>>(MAX_CACHED_SUBKEYS);

  private constructor(key: CryptoKey, mask: Uint8Array<ArrayBuffer>) {
    this.#key = key;
    this.#mask = mask;
  }

  /**
   * Computes the mask of a key.
   *
   * @param key the 256-bit key as a block cipher: an AES-CBC key that may encrypt
   */
  static async create(key: CryptoKey): Promise<Xaes> {
    return new Xaes(key, double(await encryptAesBlock(key, new Uint8Array(BLOCK_BYTES))));
  }

  /** How many subkeys are kept at the moment. */
  get cachedSubkeys(): number {
    return this.#subkeys.size;
  }

  /**
   * Encrypts and authenticates.
   *
   * @param nonce 24 bytes, never used before with this key; the bytes of all arguments must stay as they are until
   * there is a result
   * @returns ciphertext and tag, 16 bytes more than the plaintext
   */
  seal(nonce: Bytes, associatedData: Bytes, plaintext: Bytes): Bytes | Promise<Bytes> {
    const subkey = this.#subkey(nonce);
    if (subkey instanceof Promise) {
      return subkey.then((subkey) => sealWith(subkey, nonce, associatedData, plaintext));
    }
    return sealWith(subkey, nonce, associatedData, plaintext);
  }

  /**
   * Opposite of {@linkcode seal}.
   *
   * @returns the plaintext, or `undefined` if anything is not as it was on sealing
   */
  open(nonce: Bytes, associatedData: Bytes, ciphertext: Bytes): Bytes | undefined | Promise<Bytes | undefined> {
    const subkey = this.#subkey(nonce);
    if (subkey instanceof Promise) {
      return subkey.then((subkey) => openWith(subkey, nonce, associatedData, ciphertext));
    }
    return openWith(subkey, nonce, associatedData, ciphertext);
  }

  #subkey(nonce: Bytes): Subkey | Promise<Subkey> {
    // A Map compares arrays by identity, so a prefix becomes a text.
    const prefix = binaryText(nonce.subarray(0, NONCE_PREFIX_BYTES));
    return this.#subkeys.get(prefix) ?? this.#derive(prefix, nonce);
  }

  #derive(prefix: string, nonce: Bytes): Promise<Subkey> {
    const deriving = deriveSubkey(this.#key, this.#mask, nonce);
    this.#subkeys.set(prefix, deriving);
    deriving.then(
      (subkey) => this.#subkeys.set(prefix, subkey),
      // A derivation that failed is not kept: the next call tries again. Its own callers see the error.
      () => this.#subkeys.delete(prefix),
    );
    return deriving;
  }
}

function sealWith(subkey: Subkey, nonce: Bytes, associatedData: Bytes, plaintext: Bytes): Bytes | Promise<Bytes> {
  const tail = nonce.subarray(NONCE_PREFIX_BYTES);
  return subkey.native !== undefined && plaintext.length <= MAX_NATIVE_CIPHER_BYTES
    ? nativeGcmSeal(subkey.native, tail, associatedData, plaintext)
    : aesGcmSeal(subkey.web, tail, associatedData, plaintext);
}

function openWith(
  subkey: Subkey,
  nonce: Bytes,
  associatedData: Bytes,
  ciphertext: Bytes,
): Bytes | undefined | Promise<Bytes | undefined> {
  const tail = nonce.subarray(NONCE_PREFIX_BYTES);
  return subkey.native !== undefined && ciphertext.length <= MAX_NATIVE_CIPHER_BYTES + TAG_BYTES
    ? nativeGcmOpen(subkey.native, tail, associatedData, ciphertext)
    : aesGcmOpen(subkey.web, tail, associatedData, ciphertext);
}

async function deriveSubkey(key: CryptoKey, mask: Uint8Array, nonce: Uint8Array): Promise<Subkey> {
  const bytes = await subkeyBytes(key, mask, nonce);
  try {
    const native = importNativeGcm(bytes);
    return { web: await importAesGcm(bytes), native };
  } finally {
    bytes.fill(0);
  }
}

/**
 * The subkey of a nonce's prefix.
 *
 * @param mask K1 of the key
 * @param nonce at least the 12 bytes of the prefix
 * @returns 32 secret bytes, for the caller to wipe
 */
export async function subkeyBytes(
  key: CryptoKey,
  mask: Uint8Array,
  nonce: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const [low, high] = await Promise.all([
    encryptAesBlock(key, counterBlock(1, mask, nonce)),
    encryptAesBlock(key, counterBlock(2, mask, nonce)),
  ]);
  const subkey = new Uint8Array(2 * BLOCK_BYTES);
  subkey.set(low);
  subkey.set(high, BLOCK_BYTES);
  low.fill(0);
  high.fill(0);
  return subkey;
}

/** Message M1 or M2 of the derivation under the mask, which makes AES of it the CMAC of it. */
function counterBlock(counter: number, mask: Uint8Array, nonce: Uint8Array): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK_BYTES);
  block[1] = counter;
  block[2] = LABEL;
  for (let i = 0; i < NONCE_PREFIX_BYTES; i++) block[PREFIX_START + i] = nonce[i]!;
  for (let i = 0; i < BLOCK_BYTES; i++) block[i]! ^= mask[i]!;
  return block;
}

/** Multiplies by x in GF(2^128), without a branch on the secret bit. */
export function double(block: Uint8Array): Uint8Array<ArrayBuffer> {
  const doubled = new Uint8Array(BLOCK_BYTES);
  for (let i = 0; i < BLOCK_BYTES; i++) doubled[i] = block[i]! << 1 | (block[i + 1] ?? 0) >>> 7;
  doubled[BLOCK_BYTES - 1]! ^= -(block[0]! >>> 7) & DOUBLING_CONSTANT;
  return doubled;
}
