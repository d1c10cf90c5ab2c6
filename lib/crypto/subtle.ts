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
 * HKDF-SHA-256 to a 256-bit key for {@linkcode hmacSign}. Derived inside the engine, as {@linkcode hkdfAesBlock} does.
 */
export function hkdfHmac(key: CryptoKey, salt: Bytes, info: Bytes): Promise<CryptoKey> {
  return crypto.subtle.deriveKey(
    { name: "HKDF", hash: HKDF_HASH, salt, info },
    key,
    // Without a length, WebCrypto would derive one of SHA-256's block, 512 bits.
    { name: "HMAC", hash: "SHA-256", length: 256 },
    false,
    ["sign"],
  );
}

/** PBKDF2-HMAC-SHA-256 (RFC 8018) to `length` bytes; on another thread, so it does not hold up the event loop. */
export async function pbkdf2(password: Bytes, salt: Bytes, iterations: number, length: number): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
  const bits = await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, key, length * 8);
  return new Uint8Array(bits);
}

/** SHA-256. */
export async function sha256(data: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
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

/** Takes bytes, one or more, as a key for HMAC-SHA-256 that never leaves the engine. */
export function importHmac(key: Bytes): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
}

/** HMAC-SHA-256 of some bytes, all 32 bytes of it. To compare one, use {@linkcode hmacVerify}. */
export async function hmacSign(key: CryptoKey, data: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, data));
}

/** Whether `mac` is the whole HMAC-SHA-256 of `data`. Compared by the engine, in constant time. */
export function hmacVerify(key: CryptoKey, mac: Bytes, data: Bytes): Promise<boolean> {
  return crypto.subtle.verify("HMAC", key, mac, data);
}

/** Takes 16 bytes as a key for AES-128-CBC that never leaves the engine. */
export function importAesCbc(key: Bytes): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", key, "AES-CBC", false, ["encrypt", "decrypt"]);
}

/**
 * AES-CBC with PKCS#7 padding. It authenticates nothing: its one use, Fernet (fernet.ts), puts an HMAC over the result.
 *
 * @param iv 16 bytes that nobody could predict
 */
export async function aesCbcEncrypt(key: CryptoKey, iv: Bytes, plaintext: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.encrypt({ name: "AES-CBC", iv }, key, plaintext));
}

/**
 * Opposite of {@linkcode aesCbcEncrypt}. Only for what has been authenticated: whether the padding is right would
 * tell an attacker the plaintext, byte by byte.
 *
 * @returns the plaintext, or `undefined` if its padding or the ciphertext's length is wrong
 */
export async function aesCbcDecrypt(key: CryptoKey, iv: Bytes, ciphertext: Bytes): Promise<Bytes | undefined> {
  try {
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-CBC", iv }, key, ciphertext));
  } catch (error) {
    if (error instanceof DOMException && error.name === "OperationError") return undefined;
    throw error;
  }
}

/** A key pair of X25519 (RFC 7748). */
export interface X25519KeyPair {
  /** Never leaves the engine. */
  /** For WebCrypto alone. */
  readonly privateKey: CryptoKey;
  /** 32 bytes, for everyone. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
}

/** What stands before the 32 bytes of a private key in PKCS #8 (RFC 8410): WebCrypto takes them in no other form. */
const X25519_PKCS8_PREFIX: Bytes = Uint8Array.fromHex("302e020100300506032b656e04220420");
/** X25519's base point: the secret shared with it is the public key, which WebCrypto would only tell in a JWK. */
const X25519_BASE_POINT: Bytes = new Uint8Array(32).fill(9, 0, 1);

/** A new key pair. */
export async function generateX25519(): Promise<X25519KeyPair> {
  const usages: KeyUsage[] = ["deriveBits"];
  const pair = await crypto.subtle.generateKey({ name: "X25519" }, false, usages) as CryptoKeyPair;
  return {
    privateKey: pair.privateKey,
    publicKey: new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey)),
  };
}

/** Takes 32 bytes as a private key, any will do; the caller wipes them. */
export async function importX25519(bytes: Bytes): Promise<X25519KeyPair> {
  const pkcs8 = new Uint8Array(X25519_PKCS8_PREFIX.length + bytes.length);
  pkcs8.set(X25519_PKCS8_PREFIX);
  pkcs8.set(bytes, X25519_PKCS8_PREFIX.length);
  try {
    const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "X25519" }, false, ["deriveBits"]);
    // Never undefined: the base point is not of low order.
    return { privateKey, publicKey: (await x25519(privateKey, X25519_BASE_POINT))! };
  } finally {
    pkcs8.fill(0);
  }
}

/**
 * X25519 of a private and a public key.
 *
 * @param publicKey 32 bytes from the other side
 * @returns 32 secret bytes, for the caller to wipe; `undefined` for a point of low order, whose secret everyone knows
 */
export async function x25519(privateKey: CryptoKey, publicKey: Bytes): Promise<Bytes | undefined> {
  const point = await crypto.subtle.importKey("raw", publicKey, { name: "X25519" }, false, []);
  try {
    return new Uint8Array(await crypto.subtle.deriveBits({ name: "X25519", public: point }, privateKey, 256));
  } catch (error) {
    if (error instanceof DOMException && error.name === "OperationError") return undefined;
    throw error;
  }
}
