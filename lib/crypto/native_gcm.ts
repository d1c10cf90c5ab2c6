/**
 * AES-256-GCM of node:crypto, which answers at once. WebCrypto hands every call to another thread, and for 100 bytes
 * that takes ten times as long as encrypting them (31 µs against 3). Both give the same bytes: WebCrypto (subtle.ts)
 * does it where there is no node:crypto, as in browsers, and where a value is long enough to be worth the way.
 *
 * The only file of the client that uses node:crypto. Asked for at run time, so that loading this needs nothing.
 *
 * @module
 */

import type { Bytes } from "./subtle.ts";

/**
 * A key inside of node:crypto, whose bytes lie outside of the JavaScript heap; or 32 bytes that their owner keeps and
 * wipes, which spares a copy of them for every message.
 */
export type NativeKey = object | Bytes;

/** What is used of node:crypto, as it declares it. */
interface NodeCrypto {
  createSecretKey(key: Uint8Array): NativeKey;
  createCipheriv(algorithm: string, key: NativeKey, nonce: Uint8Array, options: { authTagLength: number }): Cipher;
  createDecipheriv(algorithm: string, key: NativeKey, nonce: Uint8Array, options: { authTagLength: number }): Decipher;
}
interface Cipher {
  setAAD(data: Uint8Array): void;
  update(plaintext: Uint8Array): Uint8Array;
  final(): Uint8Array;
  getAuthTag(): Uint8Array;
}
interface Decipher {
  setAAD(data: Uint8Array): void;
  setAuthTag(tag: Uint8Array): void;
  update(ciphertext: Uint8Array): Uint8Array;
  final(): Uint8Array;
}

const ALGORITHM = "aes-256-gcm";
const TAG_BYTES = 16;
/** node:crypto takes shorter tags too unless it is told. */
const OPTIONS = { authTagLength: TAG_BYTES };

const node = nodeCrypto();

/** Whether there is a node:crypto: else nothing here but {@linkcode importNativeGcm} may be called. */
export const hasNativeGcm: boolean = node !== undefined;

function nodeCrypto(): NodeCrypto | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  return process?.getBuiltinModule?.("node:crypto") as NodeCrypto | undefined;
}

/**
 * Takes 32 bytes as a key.
 *
 * @param key copied; the caller may wipe it
 * @returns `undefined` where there is no node:crypto
 */
export function importNativeGcm(key: Bytes): NativeKey | undefined {
  return node?.createSecretKey(key);
}

/**
 * Encrypts and authenticates, now.
 *
 * @param nonce 12 bytes, never used before with this key: a repetition gives away both plaintexts and the tag's key
 * @returns ciphertext and tag
 */
export function nativeGcmSeal(key: NativeKey, nonce: Bytes, associatedData: Bytes, plaintext: Bytes): Bytes {
  const sealed = new Uint8Array(plaintext.length + TAG_BYTES);
  nativeGcmSealInto(sealed, 0, key, nonce, associatedData, plaintext);
  return sealed;
}

/** The same, to a place in an array that is there. */
export function nativeGcmSealInto(
  into: Bytes,
  at: number,
  key: NativeKey,
  nonce: Bytes,
  associatedData: Bytes,
  plaintext: Bytes,
): void {
  const cipher = node!.createCipheriv(ALGORITHM, key, nonce, OPTIONS);
  cipher.setAAD(associatedData);
  into.set(cipher.update(plaintext), at);
  cipher.final();
  into.set(cipher.getAuthTag(), at + plaintext.length);
}

/**
 * Opposite of {@linkcode nativeGcmSeal}.
 *
 * @returns the plaintext, or `undefined` if key, nonce, associated data or ciphertext is not the one of sealing
 */
export function nativeGcmOpen(
  key: NativeKey,
  nonce: Bytes,
  associatedData: Bytes,
  ciphertext: Bytes,
): Bytes | undefined {
  const length = ciphertext.length - TAG_BYTES;
  if (length < 0) return undefined;
  const decipher = node!.createDecipheriv(ALGORITHM, key, nonce, OPTIONS);
  decipher.setAAD(associatedData);
  decipher.setAuthTag(ciphertext.subarray(length));
  // Nothing is known about these bytes until final() has compared the tag; they stay here until then.
  const plaintext = decipher.update(ciphertext.subarray(0, length));
  try {
    decipher.final();
  } catch {
    plaintext.fill(0);
    return undefined;
  }
  // The same bytes: a copy would leave them behind.
  return new Uint8Array(plaintext.buffer as ArrayBuffer, plaintext.byteOffset, length);
}
