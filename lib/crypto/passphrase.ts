/**
 * A root key from a passphrase, for people who must be able to type it: PBKDF2-HMAC-SHA-256 (CRYPTO.md §1.5). A key of
 * 32 random bytes is always the better choice: each guess at a passphrase costs an attacker a tenth of a second, and
 * at a random key more than there is.
 *
 * @module
 */

import { utf8 } from "../bytes.ts";
import { MAX_PBKDF2_ITERATIONS, MIN_PBKDF2_ITERATIONS, MIN_SALT_BYTES } from "../limits.ts";
import { type Bytes, pbkdf2, sha256 } from "./subtle.ts";

/** A passphrase in place of a key, with what it takes to derive the same key from it everywhere. */
export interface PassphraseKey {
  /** The passphrase. Texts that look the same are the same: it is normalized to NFC. */
  readonly passphrase: string;
  /**
   * At least 16 bytes, or those in base64url; `client.ts keygen --passphrase` makes one. Not a secret, but the same
   * for every client, and never taken from the server, which could choose one for which it has guessed ahead.
   *
   * `{ namespace }` derives it from a name instead. That is weaker: whoever can guess the name can prepare guesses
   * before having seen anything sealed. Prefer random bytes.
   */
  readonly salt: string | Uint8Array | { readonly namespace: string };
  /** Rounds of PBKDF2, at least 600,000 and at most 10,000,000. */
  readonly iterations: number;
}

const ROOT_KEY_BYTES = 32;
const BASE64URL = /^[A-Za-z0-9_-]+$/;
const NAMESPACE_SALT_DOMAIN = "cryptomem/pbkdf2";

/**
 * Checks a passphrase key now, and derives its root when the result is called.
 *
 * @returns a function that gives 32 secret bytes, for the caller to wipe; it takes a tenth of a second and more of
 * another thread
 * @throws TypeError or RangeError, naming what is wrong and never the passphrase
 */
export function readPassphrase(key: PassphraseKey): () => Promise<Bytes> {
  const { passphrase, iterations } = key;
  if (typeof passphrase !== "string") throw new TypeError("Cannot use passphrase: it is not a text");
  if (passphrase === "") throw new RangeError("Cannot use passphrase: it is empty");
  if (!passphrase.isWellFormed()) throw new RangeError("Cannot use passphrase: it has a lone surrogate");
  if (!Number.isInteger(iterations) || iterations < MIN_PBKDF2_ITERATIONS || iterations > MAX_PBKDF2_ITERATIONS) {
    throw new RangeError(
      `Cannot use passphrase: iterations is ${iterations}, and must be a whole number from ${MIN_PBKDF2_ITERATIONS} ` +
        `to ${MAX_PBKDF2_ITERATIONS}`,
    );
  }
  const salt = readSalt(key.salt);
  return async () => {
    const bytes = utf8(passphrase.normalize("NFC"));
    try {
      return await pbkdf2(bytes, await salt(), iterations, ROOT_KEY_BYTES);
    } finally {
      bytes.fill(0);
    }
  };
}

function readSalt(salt: PassphraseKey["salt"]): () => Bytes | Promise<Bytes> {
  const bytes = typeof salt === "string" ? bytesOfSaltText(salt) : salt;
  if (bytes instanceof Uint8Array) {
    if (bytes.length < MIN_SALT_BYTES) {
      throw new RangeError(
        `Cannot use passphrase: its salt has ${bytes.length} bytes, and needs at least ${MIN_SALT_BYTES}; ` +
          "keygen --passphrase makes one",
      );
    }
    const copy = new Uint8Array(bytes);
    return () => copy;
  }
  const namespace: unknown = bytes?.namespace;
  if (typeof namespace !== "string") {
    throw new TypeError(
      `Cannot use passphrase: its salt must be at least ${MIN_SALT_BYTES} bytes, or those in base64url, or ` +
        "{ namespace }; keygen --passphrase makes one",
    );
  }
  if (namespace === "" || !namespace.isWellFormed()) {
    throw new RangeError("Cannot use passphrase: the namespace of its salt is empty or has a lone surrogate");
  }
  return () => sha256(utf8(NAMESPACE_SALT_DOMAIN + namespace));
}

function bytesOfSaltText(text: string): Bytes {
  // The pattern comes first because base64 decoders let white space pass.
  if (BASE64URL.test(text)) {
    try {
      const padding = "=".repeat((4 - text.length % 4) % 4);
      return Uint8Array.fromBase64(text + padding, { alphabet: "base64url", lastChunkHandling: "strict" });
    } catch {
      // said below
    }
  }
  throw new RangeError("Cannot use passphrase: its salt is not base64url; keygen --passphrase makes one");
}
