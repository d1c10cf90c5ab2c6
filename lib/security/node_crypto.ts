/**
 * node:crypto, asked for when the first password or token is looked at: loading it doubles the time in which the server
 * starts, and most servers ask nobody who they are.
 *
 * @module
 */

import type * as NodeCrypto from "node:crypto";

let loaded: typeof NodeCrypto | undefined;

/** The module. */
export function nodeCrypto(): typeof NodeCrypto {
  const { process } = globalThis as unknown as { process: { getBuiltinModule(name: string): unknown } };
  return loaded ??= process.getBuiltinModule("node:crypto") as typeof NodeCrypto;
}

/** The SHA-256 of bytes. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return nodeCrypto().createHash("sha256").update(bytes).digest();
}

/** The HMAC-SHA-256 of bytes. */
export function hmacSha256(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  return nodeCrypto().createHmac("sha256", key).update(bytes).digest();
}

/** Whether two hashes of one length are the same, in a time that tells nothing of where they differ. */
export function areSameHashes(a: Uint8Array, b: Uint8Array): boolean {
  return nodeCrypto().timingSafeEqual(a, b);
}
