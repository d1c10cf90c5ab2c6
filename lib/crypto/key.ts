/**
 * The root key: in which forms it is accepted and what is derived from it (CRYPTO.md §1.2, §1.5).
 *
 * ```
 * root (32 bytes) ─ HKDF-SHA-256, salt "cryptomem/v1"
 *   ├ info "value-key" → 32 bytes, XAES-256-GCM key of all values
 *   ├ info "key-id"    → 4 bytes, public, in every envelope
 *   ├ info "name-key"  → 32 bytes, HMAC key of blinded names (name_key.ts)
 *   └ info "namespace" 00 ‖ lp(namespace) → 32 bytes, a root of its own
 * ```
 *
 * @module
 */

import { utf8 } from "../bytes.ts";
import { KEY_ID_BYTES } from "./envelope_header.ts";
import { bytesOfKeyText } from "./key_text.ts";
import { LENGTH_PREFIX_BYTES, writePrefixed } from "./length_prefix.ts";
import { type PassphraseKey, readPassphrase } from "./passphrase.ts";
import { hkdfAesBlock, hkdfBytes, hkdfHmac, importHkdf } from "./subtle.ts";

/**
 * What a key can be given as:
 *
 * - 32 raw bytes
 * - `cmk1_` and those bytes in base64url, as `client.ts keygen` makes it
 * - a text that is exactly 32 bytes of UTF-8, which are taken as they are
 * - a passphrase, with what it takes to derive a key from it
 */
export type KeySource = string | Uint8Array | PassphraseKey;

/** Bytes of a root key. */
const ROOT_KEY_BYTES = 32;

/** Lets secret scanners find a key that was committed by mistake. */
const KEY_TEXT_PREFIX = "cmk1_";

/** The key of the project's examples: everyone has it. */
const SAMPLE_KEY = "your-32-byte-very-secret-key-!!!";
/** 32 random bytes have fewer distinct values with a chance below 2^-100; a repeated pattern nearly always has. */
const FEWEST_DISTINCT_BYTES = 10;

const SALT = utf8("cryptomem/v1");
const VALUE_KEY_INFO = utf8("value-key");
const KEY_ID_INFO = utf8("key-id");
const NAME_KEY_INFO = utf8("name-key");
const NAMESPACE_INFO = utf8("namespace\0");

const WAYS = "give 32 bytes as a Uint8Array, or a text of cmk1_ and 43 characters of base64url (keygen makes one), " +
  "or a text of exactly 32 bytes of UTF-8, or { passphrase, salt, iterations }";

/**
 * Checks the form of a key now, and gives its root when the result is called; only a passphrase takes time then.
 *
 * @returns a function that gives 32 secret bytes, for the caller to wipe; it is to be called once
 * @throws TypeError or RangeError if the key has none of the forms of {@linkcode KeySource}, without showing any of it
 */
export function readKey(source: KeySource): () => Promise<Uint8Array<ArrayBuffer>> {
  if (typeof source === "object" && source !== null && "passphrase" in source) return readPassphrase(source);
  const root = rootKey(source);
  return () => Promise.resolve(root);
}

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

/** A new random key as text, in the form of `cmk1_…`. A secret: keep it like one. */
export function generateKey(): string {
  const root = crypto.getRandomValues(new Uint8Array(ROOT_KEY_BYTES));
  const text = KEY_TEXT_PREFIX + root.toBase64({ alphabet: "base64url", omitPadding: true });
  root.fill(0);
  return text;
}

/**
 * Says why a root key is easily guessed, where that can be seen.
 *
 * @returns a sentence for the one who configured it, or `undefined`
 */
export function weakKeyWarning(root: Uint8Array): string | undefined {
  const sample = utf8(SAMPLE_KEY);
  if (root.length === sample.length && root.every((byte, i) => byte === sample[i])) {
    return "The key is the one of the documentation, which everyone knows: make one with keygen";
  }
  if (new Set(root).size < FEWEST_DISTINCT_BYTES) {
    return `The key has fewer than ${FEWEST_DISTINCT_BYTES} distinct bytes, so it is not random: make one with keygen`;
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
 * @param root 32 bytes from {@linkcode readKey}; zeroed by this call, also when it fails
 */
export async function deriveKeys(root: Uint8Array<ArrayBuffer>): Promise<DerivedKeys> {
  const material = await importRoot(root);
  // The salt only separates this use of a root from others; one root has one purpose, told apart by the infos.
  const [valueKey, keyId] = await Promise.all([
    hkdfAesBlock(material, SALT, VALUE_KEY_INFO),
    hkdfBytes(material, SALT, KEY_ID_INFO, KEY_ID_BYTES),
  ]);
  return { valueKey, keyId };
}

/**
 * Derives the HMAC key of blinded names from a root and wipes it.
 *
 * @param root as for {@linkcode deriveKeys}
 */
export async function deriveNameKey(root: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return await hkdfHmac(await importRoot(root), SALT, NAME_KEY_INFO);
}

/**
 * Derives the root that stands for another in one namespace, and wipes the other: who is given the result can open
 * what lies in that namespace and nothing else.
 *
 * @param root as for {@linkcode deriveKeys}
 * @param namespace UTF-8
 * @returns 32 secret bytes, for the caller to wipe
 */
export async function deriveNamespaceRoot(
  root: Uint8Array<ArrayBuffer>,
  namespace: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const info = new Uint8Array(NAMESPACE_INFO.length + LENGTH_PREFIX_BYTES + namespace.length);
  info.set(NAMESPACE_INFO);
  writePrefixed(namespace, info, NAMESPACE_INFO.length);
  return await hkdfBytes(await importRoot(root), SALT, info, ROOT_KEY_BYTES);
}

async function importRoot(root: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  try {
    return await importHkdf(root);
  } finally {
    root.fill(0);
  }
}
