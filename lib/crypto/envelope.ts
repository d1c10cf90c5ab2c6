/**
 * The bytes of a sealed value, layout 1 (CRYPTO.md §1.2). All integers are big-endian. Knows no key and no cipher.
 *
 * ```
 * offset size field
 * 0      1    0xC1         magic and version: a byte that UTF-8 and MessagePack never use, so that no text can be
 *                          taken for an envelope; later versions: 0xC0, 0xF5 to 0xFF
 * 1      4    key id       derived from the root key
 * 5      24   nonce        of XAES-256-GCM
 * 29     m    ciphertext   of the inner plaintext
 * 29+m   16   GCM tag
 *
 * inner plaintext, m bytes
 * 0      1    flags        bits 0-1 compression: 0 none, 1 deflate-raw, 2 and 3 reserved
 *                          bit  2   padded
 *                          bit  3   notAfter
 *                          bits 4-5 type: 0 bytes, 1 UTF-8, 2 JSON, 3 reserved
 *                          bits 6-7 reserved
 * 1      6    notAfter     u48 Unix time in ms; only if bit 3
 * 1 or 7 n    body         the value, compressed if bits 0-1 say so
 * …      p    0x80 00*     only if bit 2
 *
 * associated data: authenticated, not sent; lp(x) = u32 length of x ‖ x
 * 0      12   "cryptomem/v1"
 * 12     1    0xC1
 * 13     4    key id
 * 17     1    slot kind
 * 18     …    lp(namespace) ‖ lp(key) ‖ lp(field, or nothing)
 * ```
 *
 * The flags lie inside, so the server does not learn that a value is JSON or was compressed.
 *
 * @module
 */

import { copyBytes, utf8 } from "../bytes.ts";
import { IntegrityError, type IntegrityReason } from "../errors.ts";
import { KEY_ID_BYTES } from "./key.ts";
import { NONCE_BYTES, TAG_BYTES } from "./xaes.ts";

const VERSION = 0xc1;
const KEY_ID_START = 1;
const NONCE_START = KEY_ID_START + KEY_ID_BYTES;
const CIPHERTEXT_START = NONCE_START + NONCE_BYTES;
const FLAGS_BYTES = 1;
const NOT_AFTER_BYTES = 6;

/** Bytes that an envelope without options is longer than its value; also the shortest envelope. */
export const ENVELOPE_OVERHEAD_BYTES: number = CIPHERTEXT_START + FLAGS_BYTES + TAG_BYTES;

const COMPRESSION_MASK = 0b11;
const COMPRESSION_DEFLATE_RAW = 1;
const PADDED_BIT = 1 << 2;
const NOT_AFTER_BIT = 1 << 3;
const TYPE_SHIFT = 4;
const TYPE_MASK = 0b11;
const RESERVED_BITS = 0b1100_0000;
const PADDING_MARK = 0x80;

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

/** The inner plaintext, taken apart. */
export interface Inner {
  /** What the body is. */
  readonly type: ValueType;
  /** Whether the body is compressed, with deflate-raw. */
  readonly compressed: boolean;
  /** Unix time in ms after which the value must not be used any more. */
  readonly notAfterMs: number | undefined;
  /** The value, without padding; a view into the plaintext. */
  readonly body: Uint8Array<ArrayBuffer>;
}

/**
 * The error for an envelope that is refused. One text for all reasons: whoever steers the server chooses which of
 * them appears and must not learn more from it through whatever shows the error.
 */
export function refusal(reason: IntegrityReason): IntegrityError {
  return new IntegrityError(
    reason,
    "Cannot open value: it was not sealed with this key for this place, or it was changed since",
  );
}

const DOMAIN = utf8("cryptomem/v1");
const NO_FIELD = new Uint8Array(0);

/**
 * What is authenticated beside the value. Each part has a fixed length or its length before it, so two different
 * places never give the same bytes.
 */
export function associatedData(keyId: Uint8Array, slot: Slot): Uint8Array<ArrayBuffer> {
  const { namespace, key, field = NO_FIELD } = slot;
  const start = DOMAIN.length + 1 + KEY_ID_BYTES + 1;
  const data = new Uint8Array(start + 12 + namespace.length + key.length + field.length);
  data.set(DOMAIN);
  data[DOMAIN.length] = VERSION;
  copyBytes(keyId, 0, data, DOMAIN.length + 1, KEY_ID_BYTES);
  data[start - 1] = slot.kind;
  writePrefixed(field, data, writePrefixed(key, data, writePrefixed(namespace, data, start)));
  return data;
}

function writePrefixed(part: Uint8Array, data: Uint8Array, at: number): number {
  const length = part.length;
  data[at] = length >>> 24;
  data[at + 1] = length >>> 16;
  data[at + 2] = length >>> 8;
  data[at + 3] = length;
  copyBytes(part, 0, data, at + 4, length);
  return at + 4 + length;
}

/** The inner plaintext of a value without padding, compression and notAfter. */
export function encodeInner(value: SealedBody): Uint8Array<ArrayBuffer> {
  const inner = new Uint8Array(FLAGS_BYTES + value.body.length);
  inner[0] = value.type << TYPE_SHIFT;
  inner.set(value.body, FLAGS_BYTES);
  return inner;
}

/**
 * Takes the inner plaintext apart. It is authentic by now, so a refusal here means a newer or a faulty client.
 *
 * @throws IntegrityError with `too-short`, `reserved-flag` or `bad-padding`
 */
export function decodeInner(inner: Uint8Array<ArrayBuffer>): Inner {
  if (inner.length < FLAGS_BYTES) throw refusal("too-short");
  const flags = inner[0]!;
  const compression = flags & COMPRESSION_MASK;
  const type = flags >> TYPE_SHIFT & TYPE_MASK;
  if ((flags & RESERVED_BITS) !== 0 || compression > COMPRESSION_DEFLATE_RAW || type > ValueType.JSON) {
    throw refusal("reserved-flag");
  }
  let start = FLAGS_BYTES;
  let notAfterMs: number | undefined;
  if ((flags & NOT_AFTER_BIT) !== 0) {
    start += NOT_AFTER_BYTES;
    if (inner.length < start) throw refusal("too-short");
    notAfterMs = readU48(inner, FLAGS_BYTES);
  }
  const end = (flags & PADDED_BIT) === 0 ? inner.length : paddingStart(inner, start);
  return {
    type: type as ValueType,
    compressed: compression === COMPRESSION_DEFLATE_RAW,
    notAfterMs,
    body: inner.subarray(start, end),
  };
}

/** The last byte that is not zero must be the mark, and lie in the body. */
function paddingStart(inner: Uint8Array, bodyStart: number): number {
  let at = inner.length - 1;
  while (at >= bodyStart && inner[at] === 0) at--;
  if (at < bodyStart || inner[at] !== PADDING_MARK) throw refusal("bad-padding");
  return at;
}

function readU48(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = 0; i < NOT_AFTER_BYTES; i++) value = value * 256 + bytes[at + i]!;
  return value;
}

/** Puts an envelope together; `ciphertext` ends with the tag. */
export function encodeEnvelope(
  keyId: Uint8Array,
  nonce: Uint8Array,
  ciphertext: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const envelope = new Uint8Array(CIPHERTEXT_START + ciphertext.length);
  envelope[0] = VERSION;
  copyBytes(keyId, 0, envelope, KEY_ID_START, KEY_ID_BYTES);
  copyBytes(nonce, 0, envelope, NONCE_START, NONCE_BYTES);
  envelope.set(ciphertext, CIPHERTEXT_START);
  return envelope;
}

/** The parts of an envelope that decryption needs. */
export interface EnvelopeParts {
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
 * @param keyId the only key that will be tried: trying others until one opens would let a server learn which keys a
 * client has (CRYPTO.md §1.3)
 * @throws IntegrityError with `unknown-version`, `too-short` or `unknown-key-id`
 */
export function decodeEnvelope(envelope: Uint8Array, keyId: Uint8Array): EnvelopeParts {
  if (envelope.length > 0 && envelope[0] !== VERSION) throw refusal("unknown-version");
  if (envelope.length < ENVELOPE_OVERHEAD_BYTES) throw refusal("too-short");
  for (let i = 0; i < KEY_ID_BYTES; i++) {
    if (envelope[KEY_ID_START + i] !== keyId[i]) throw refusal("unknown-key-id");
  }
  return {
    nonce: new Uint8Array(envelope.subarray(NONCE_START, CIPHERTEXT_START)),
    ciphertext: new Uint8Array(envelope.subarray(CIPHERTEXT_START)),
  };
}
