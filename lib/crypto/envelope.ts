/**
 * The outside of a sealed value (CRYPTO.md §1.2): what of it can be seen, and what it is bound to. All integers are
 * big-endian. Knows no key and no cipher. What lies inside is inner.ts's.
 *
 * ```
 * offset size field
 * 0      1    layout       0xC1 for layout 1, 0xF5 for layout 2
 * 1      4    key id       derived from the root key
 * 5      24   nonce        of XAES-256-GCM
 * 29     m    ciphertext   of the inner plaintext
 * 29+m   16   GCM tag
 *
 * associated data: authenticated, not sent; lp(x) = u32 length of x ‖ x
 * 0      12   "cryptomem/v1"
 * 12     1    layout, the byte above
 * 13     4    key id
 * 17     1    slot kind
 * 18     …    lp(namespace) ‖ lp(key) ‖ lp(field, or nothing)
 * ```
 *
 * The layouts differ in what may lie inside: layout 2 can hold a sequence and a name, and is written only when there
 * is one. Both always open.
 *
 * @module
 */

import { copyBytes, utf8 } from "../bytes.ts";
import { IntegrityError, type IntegrityReason } from "../errors.ts";
import { isLayout, KEY_ID_BYTES, KEY_ID_START, type Layout, MIN_ENVELOPE_BYTES, readKeyId } from "./envelope_header.ts";
import { LENGTH_PREFIX_BYTES, writePrefixed } from "./length_prefix.ts";
import { NONCE_BYTES } from "./xaes.ts";

const NONCE_START = KEY_ID_START + KEY_ID_BYTES;
const CIPHERTEXT_START = NONCE_START + NONCE_BYTES;

/** Bytes that an envelope without options is longer than its value. */
export const ENVELOPE_OVERHEAD_BYTES: number = MIN_ENVELOPE_BYTES;

/** What the body of a value is. */
export const ValueType = {
  BYTES: 0,
  UTF8: 1,
  JSON: 2,
} as const;

/** One of the numbers of {@linkcode ValueType}. */
export type ValueType = typeof ValueType[keyof typeof ValueType];

/** A value as it is sealed: bytes, and what they are. */
export interface SealedBody {
  /** What the bytes are. */
  readonly type: ValueType;
  /** The bytes. */
  readonly body: Uint8Array;
}

/** What is sealed beside one value. */
export interface SealOptions {
  /** Unix time in ms, below 2^48, after which the value does not open any more; whatever the server says. */
  readonly notAfterMs?: number;
  /** A number that says which of two values is the later one: a whole number from 0, and a safe one. */
  readonly sequence?: number;
  /** The name under which the program knows the value, for slots whose key is a blinded one; at most 65,535 bytes. */
  readonly name?: Uint8Array;
}

/** What an envelope gives when it opens. */
export interface Opened extends SealedBody {
  /** The key that it was sealed with. */
  readonly keyId: number;
  /** See {@linkcode SealOptions}; `undefined` if none was sealed. */
  readonly notAfterMs: number | undefined;
  /** See {@linkcode SealOptions}; `undefined` if none was sealed. */
  readonly sequence: number | undefined;
  /** See {@linkcode SealOptions}; `undefined` if none was sealed. */
  readonly name: Uint8Array | undefined;
}

/** What kind of place a value is stored in. */
export const SlotKind = {
  STRING: 0,
  HASH_FIELD: 1,
  LIST_ELEMENT: 2,
  SET_MEMBER: 3,
} as const;

/** One of the numbers of {@linkcode SlotKind}. */
export type SlotKind = typeof SlotKind[keyof typeof SlotKind];

/** The place that an envelope belongs to: presented for any other, it does not open. */
export interface Slot {
  /** What kind of place it is. */
  readonly kind: SlotKind;
  /** Namespace, empty for none. `app` with key `x` is another place than no namespace with key `app:x`. */
  readonly namespace: Uint8Array;
  /** Name of the entry, without the namespace. */
  readonly key: Uint8Array;
  /** Field of a hash; empty if left out. */
  readonly field?: Uint8Array;
}

/**
 * The error for a value that is refused. One text for all reasons: whoever steers the server chooses which of them
 * appears and must not learn more from it through whatever shows the error.
 *
 * @param attempt what could not be done, for a caller that knows more about it: `Cannot get "k"`
 */
export function refusal(reason: IntegrityReason, attempt = "Cannot open value"): IntegrityError {
  return new IntegrityError(
    reason,
    `${attempt}: it was not sealed with this key for this place, or it was changed since`,
  );
}

const DOMAIN = utf8("cryptomem/v1");
const NO_FIELD = new Uint8Array(0);

/**
 * What is authenticated beside the value. Each part has a fixed length or its length before it, so two different
 * places never give the same bytes.
 */
export function associatedData(layout: Layout, keyId: Uint8Array, slot: Slot): Uint8Array<ArrayBuffer> {
  const { namespace, key, field = NO_FIELD } = slot;
  const start = DOMAIN.length + 1 + KEY_ID_BYTES + 1;
  const data = new Uint8Array(start + 3 * LENGTH_PREFIX_BYTES + namespace.length + key.length + field.length);
  data.set(DOMAIN);
  data[DOMAIN.length] = layout;
  copyBytes(keyId, 0, data, DOMAIN.length + 1, KEY_ID_BYTES);
  data[start - 1] = slot.kind;
  writePrefixed(field, data, writePrefixed(key, data, writePrefixed(namespace, data, start)));
  return data;
}

/** Puts an envelope together; `ciphertext` ends with the tag. */
export function encodeEnvelope(
  layout: Layout,
  keyId: Uint8Array,
  nonce: Uint8Array,
  ciphertext: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const envelope = new Uint8Array(CIPHERTEXT_START + ciphertext.length);
  envelope[0] = layout;
  copyBytes(keyId, 0, envelope, KEY_ID_START, KEY_ID_BYTES);
  copyBytes(nonce, 0, envelope, NONCE_START, NONCE_BYTES);
  envelope.set(ciphertext, CIPHERTEXT_START);
  return envelope;
}

/** An envelope, taken apart. */
export interface EnvelopeParts {
  /** Which layout its inner plaintext has. */
  readonly layout: Layout;
  /** Names the key that it says it was sealed with. */
  readonly keyId: number;
  /** Nonce, 24 bytes; a copy. */
  readonly nonce: Uint8Array<ArrayBuffer>;
  /** Ciphertext and tag; a copy. */
  readonly ciphertext: Uint8Array<ArrayBuffer>;
}

/**
 * Takes an envelope apart, before any cryptography. What does not begin as an envelope is refused here, whatever it
 * is: nothing is ever passed through as plaintext. The parts are copies, so that the caller's buffer may be used
 * again as soon as this returns.
 *
 * @throws IntegrityError with `unknown-version` or `too-short`
 */
export function decodeEnvelope(envelope: Uint8Array): EnvelopeParts {
  const layout = envelope[0];
  if (layout !== undefined && !isLayout(layout)) throw refusal("unknown-version");
  if (layout === undefined || envelope.length < MIN_ENVELOPE_BYTES) throw refusal("too-short");
  return {
    layout,
    keyId: readKeyId(envelope, KEY_ID_START),
    nonce: new Uint8Array(envelope.subarray(NONCE_START, CIPHERTEXT_START)),
    ciphertext: new Uint8Array(envelope.subarray(CIPHERTEXT_START)),
  };
}
