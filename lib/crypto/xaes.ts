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

import { MAX_CACHED_SUBKEYS } from "../limits.ts";
import { aesGcmOpen, aesGcmSeal, encryptAesBlock, importAesGcm } from "./subtle.ts";

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

/** One XAES key with the subkeys of its latest nonce prefixes. */
export class Xaes {
  readonly #key: CryptoKey;
  readonly #mask: Uint8Array<ArrayBuffer>;
  /**
   * Subkeys by prefix, the least recently used first. Promises, so that calls which come at once with a new prefix
   * share one derivation. On reading, the server chooses the prefixes: it can make each read derive (about 55 µs),
   * but not more than this many be kept.
   */
  readonly #subkeys = new Map<string, Promise<CryptoKey>>();

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
   * the promise settles
   * @returns ciphertext and tag, 16 bytes more than the plaintext
   */
  async seal(
    nonce: Uint8Array<ArrayBuffer>,
    associatedData: Uint8Array<ArrayBuffer>,
    plaintext: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const subkey = await this.#subkey(nonce);
    return aesGcmSeal(subkey, nonce.slice(NONCE_PREFIX_BYTES), associatedData, plaintext);
  }

  /**
   * Opposite of {@linkcode seal}.
   *
   * @returns the plaintext, or `undefined` if anything is not as it was on sealing
   */
  async open(
    nonce: Uint8Array<ArrayBuffer>,
    associatedData: Uint8Array<ArrayBuffer>,
    ciphertext: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const subkey = await this.#subkey(nonce);
    return aesGcmOpen(subkey, nonce.slice(NONCE_PREFIX_BYTES), associatedData, ciphertext);
  }

  #subkey(nonce: Uint8Array): Promise<CryptoKey> {
    const prefix = textOfPrefix(nonce);
    let subkey = this.#subkeys.get(prefix);
    if (subkey === undefined) {
      subkey = deriveSubkey(this.#key, this.#mask, nonce);
      // A derivation that failed is not kept: the next call tries again. Its own callers see the error.
      subkey.catch(() => this.#subkeys.delete(prefix));
      if (this.#subkeys.size >= MAX_CACHED_SUBKEYS) {
        this.#subkeys.delete(this.#subkeys.keys().next().value!);
      }
    } else {
      this.#subkeys.delete(prefix); // set again below: a Map lists its keys in the order in which they were set
    }
    this.#subkeys.set(prefix, subkey);
    return subkey;
  }
}

/** A Map compares arrays by identity, so a prefix becomes a text of one character a byte. */
function textOfPrefix(nonce: Uint8Array): string {
  let text = "";
  for (let i = 0; i < NONCE_PREFIX_BYTES; i++) text += String.fromCharCode(nonce[i]!);
  return text;
}

async function deriveSubkey(key: CryptoKey, mask: Uint8Array, nonce: Uint8Array): Promise<CryptoKey> {
  const bytes = await subkeyBytes(key, mask, nonce);
  try {
    return await importAesGcm(bytes);
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
