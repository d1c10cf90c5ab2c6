/**
 * The only file that calls `crypto.subtle`: each primitive in the one form in which the project uses it. What is
 * derived from what, and which nonce goes where, is decided by the callers and justified there.
 *
 * @module
 */

/** What WebCrypto takes: it refuses shared memory, which could change under its hands. */
export type Bytes = Uint8Array<ArrayBuffer>;

const HKDF_HASH = "SHA-256";
const AES_BLOCK_BYTES = 16;
const ZERO_BLOCK: Bytes = new Uint8Array(AES_BLOCK_BYTES);

/** Takes keying material for HKDF. The key can derive and nothing else, and never leaves the engine. */
export function importHkdf(material: Bytes): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", material, "HKDF", false, ["deriveBits", "deriveKey"]);
}

/** HKDF-SHA-256 (RFC 5869) to `length` bytes. For what may be known; a key is derived with {@linkcode hkdfAesBlock}. */
export async function hkdfBytes(key: CryptoKey, salt: Bytes, info: Bytes, length: number): Promise<Bytes> {
  const bits = await crypto.subtle.deriveBits({ name: "HKDF", hash: HKDF_HASH, salt, info }, key, length * 8);
  return new Uint8Array(bits);
}

/**
 * HKDF-SHA-256 to a 256-bit key for {@linkcode encryptAesBlock}. Derived inside the engine: its bytes are never seen
 * by JavaScript.
 */
export function hkdfAesBlock(key: CryptoKey, salt: Bytes, info: Bytes): Promise<CryptoKey> {
  return crypto.subtle.deriveKey(
    { name: "HKDF", hash: HKDF_HASH, salt, info },
    key,
    { name: "AES-CBC", length: 256 },
    false,
    ["encrypt"],
  );
}

/**
 * One block through AES itself. WebCrypto offers no bare block cipher, but the first block of AES-CBC with a zero IV
 * is just that; the second one encrypts the padding that WebCrypto adds and is dropped. The fixed IV is safe because
 * no message is encrypted here: this is the pseudorandom function of a key derivation (XAES-256-GCM), on inputs that
 * never repeat with another meaning.
 */
export async function encryptAesBlock(key: CryptoKey, block: Bytes): Promise<Bytes> {
  const blocks = await crypto.subtle.encrypt({ name: "AES-CBC", iv: ZERO_BLOCK }, key, block);
  return new Uint8Array(blocks, 0, AES_BLOCK_BYTES);
}

/** Takes 32 bytes as a key for AES-256-GCM that never leaves the engine. */
export function importAesGcm(key: Bytes): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
}

/**
 * AES-256-GCM with a tag of 128 bits, the default and the longest.
 *
 * @param nonce 12 bytes, never used before with this key: a repetition gives away both plaintexts and the tag's key
 * @returns ciphertext and tag
 */
export async function aesGcmSeal(
  key: CryptoKey,
  nonce: Bytes,
  associatedData: Bytes,
  plaintext: Bytes,
): Promise<Bytes> {
  const algorithm = { name: "AES-GCM", iv: nonce, additionalData: associatedData };
  return new Uint8Array(await crypto.subtle.encrypt(algorithm, key, plaintext));
}

/**
 * Opposite of {@linkcode aesGcmSeal}. The tag is checked by the engine, in constant time and before any plaintext is
 * handed over.
 *
 * @returns the plaintext, or `undefined` if key, nonce, associated data or ciphertext is not the one of sealing
 */
export async function aesGcmOpen(
  key: CryptoKey,
  nonce: Bytes,
  associatedData: Bytes,
  ciphertext: Bytes,
): Promise<Bytes | undefined> {
  const algorithm = { name: "AES-GCM", iv: nonce, additionalData: associatedData };
  try {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, ciphertext));
  } catch (error) {
    // WebCrypto's one answer to everything that does not authenticate. Anything else is a mistake of ours.
    if (error instanceof DOMException && error.name === "OperationError") return undefined;
    throw error;
  }
}
