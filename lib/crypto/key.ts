/**
 * The root key: in which forms it is accepted and what is derived from it (CRYPTO.md §1.2, §1.5).
 *
 * ```
 * root (32 bytes) ─ HKDF-SHA-256, salt "cryptomem/v1" ┬ info "value-key" → 32 bytes, XAES-256-GCM key of all values
 *                                                     └ info "key-id"    → 4 bytes, public, in every envelope
 * ```
 *
 * @module
 */

import { utf8 } from "../bytes.ts";
import { hkdfAesBlock, hkdfBytes, importHkdf } from "./subtle.ts";

/** Bytes of a root key. */
const ROOT_KEY_BYTES = 32;
/** Bytes of a key id. */
export const KEY_ID_BYTES = 4;

/** Lets secret scanners find a key that was committed by mistake. */
const KEY_TEXT_PREFIX = "cmk1_";
/** 32 bytes are 43 characters of unpadded base64url. */
const KEY_TEXT_BODY = /^[A-Za-z0-9_-]{43}$/;

/** The key of the project's examples: everyone has it. */
const SAMPLE_KEY = "your-32-byte-very-secret-key-!!!";
/** 32 random bytes have fewer distinct values with a chance below 2^-100; a repeated pattern nearly always has. */
const FEWEST_DISTINCT_BYTES = 10;

const SALT = utf8("cryptomem/v1");
const VALUE_KEY_INFO = utf8("value-key");
const KEY_ID_INFO = utf8("key-id");

const WAYS = "give 32 bytes as a Uint8Array, or a text of cmk1_ and 43 characters of base64url, " +
  "or a text of exactly 32 bytes of UTF-8";

/**
 * The 32 bytes that a key stands for. Nothing is padded, cut or hashed to fit: whoever gives a password of another
 * length learns so, instead of getting a weak key.
 *
 * @param key 32 raw bytes; or `cmk1_` and those bytes in base64url (43 characters, no padding); or a text that is
 * exactly 32 bytes of UTF-8, which are taken as they are
 * @returns a copy: wiping either array leaves the other
 * @throws TypeError if it is no bytes and no text, RangeError if it does not have one of the three forms; neither
 * shows any of it
 */
export function rootKey(key: string | Uint8Array): Uint8Array<ArrayBuffer> {
  if (typeof key === "string") return rootKeyOfText(key);
  if (!(key instanceof Uint8Array)) {
    throw new TypeError(`Cannot use key: it is neither bytes nor text; ${WAYS}`);
  }
  if (key.length !== ROOT_KEY_BYTES) throw new RangeError(`Cannot use key: it has ${key.length} bytes; ${WAYS}`);
  return new Uint8Array(key);
}

function rootKeyOfText(text: string): Uint8Array<ArrayBuffer> {
  // A text that starts like a key is one: cut to 32 characters by mistake, it must not pass for a raw key.
  if (text.startsWith(KEY_TEXT_PREFIX)) {
    const root = bytesOfKeyText(text.slice(KEY_TEXT_PREFIX.length));
    if (root === undefined) {
      throw new RangeError(`Cannot use key: what follows cmk1_ is not 43 characters of base64url; ${WAYS}`);
    }
    return root;
  }
  // UTF-8 has no lone surrogates: encoding would put U+FFFD in their place, the same for all of them.
  if (!text.isWellFormed()) throw new RangeError(`Cannot use key: the text has a lone surrogate; ${WAYS}`);
  const root = utf8(text);
  if (root.length !== ROOT_KEY_BYTES) {
    const length = root.length;
    root.fill(0);
    throw new RangeError(`Cannot use key: the text has ${length} bytes; ${WAYS}`);
  }
  return root;
}

function bytesOfKeyText(body: string): Uint8Array<ArrayBuffer> | undefined {
  // The pattern comes first because base64 decoders let white space pass.
  if (!KEY_TEXT_BODY.test(body)) return undefined;
  try {
    // 43 characters are 258 bits; "strict" refuses the texts whose last two are not zero, so each key has one text.
    return Uint8Array.fromBase64(`${body}=`, { alphabet: "base64url", lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
}

/**
 * Says why a root key is easily guessed, where that can be seen.
 *
 * @returns a sentence for the one who configured it, or `undefined`
 */
export function weakKeyWarning(root: Uint8Array): string | undefined {
  const sample = utf8(SAMPLE_KEY);
  if (root.length === sample.length && root.every((byte, i) => byte === sample[i])) {
    return "The key is the one of the documentation, which everyone knows: make one of 32 random bytes";
  }
  if (new Set(root).size < FEWEST_DISTINCT_BYTES) {
    return `The key has fewer than ${FEWEST_DISTINCT_BYTES} distinct bytes, so it is not random: ` +
      "make one of 32 random bytes";
  }
  return undefined;
}

/** What is derived from one root key. */
export interface DerivedKeys {
  /** The value key, for XAES-256-GCM; its bytes never leave the engine. */
  readonly valueKey: CryptoKey;
  /** Names the key in an envelope. Derived, so that no configuration can give two keys one id or a key a wrong one. */
  readonly keyId: Uint8Array<ArrayBuffer>;
}

/**
 * Derives the keys of a root and wipes it.
 *
 * @param root 32 bytes from {@linkcode rootKey}; zeroed by this call, also when it fails
 */
export async function deriveKeys(root: Uint8Array<ArrayBuffer>): Promise<DerivedKeys> {
  let material: CryptoKey;
  try {
    material = await importHkdf(root);
  } finally {
    root.fill(0);
  }
  // The salt only separates this use of a root from others; one root has one purpose, told apart by the infos.
  const [valueKey, keyId] = await Promise.all([
    hkdfAesBlock(material, SALT, VALUE_KEY_INFO),
    hkdfBytes(material, SALT, KEY_ID_INFO, KEY_ID_BYTES),
  ]);
  return { valueKey, keyId };
}
