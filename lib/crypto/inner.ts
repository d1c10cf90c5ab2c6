/**
 * The inside of a sealed value: what is encrypted, beside the value itself (CRYPTO.md §1.2). All integers are
 * big-endian.
 *
 * ```
 * size field
 * 1    flags        bits 0-1 compression: 0 none, 1 deflate-raw, 2 and 3 reserved
 *                   bit  2   padded
 *                   bit  3   notAfter
 *                   bits 4-5 type: 0 bytes, 1 UTF-8, 2 JSON, 3 reserved
 *                   bit  6   sequence; reserved in layout 1
 *                   bit  7   name; reserved in layout 1
 * 6    notAfter     Unix time in ms; only if bit 3
 * 8    sequence     a safe integer, so at most 2^53 - 1; only if bit 6
 * 2+n  name         u16 length ‖ UTF-8; only if bit 7
 * n    body         the value, compressed if bits 0-1 say so
 * p    0x80 00*     only if bit 2 (padding.ts)
 * ```
 *
 * The flags lie inside, so the server does not learn that a value is JSON or was compressed.
 *
 * @module
 */

import { copyBytes } from "../bytes.ts";
import { MAX_KEY_BYTES } from "../limits.ts";
import { refusal, type SealedBody, type SealOptions, ValueType } from "./envelope.ts";
import { type Layout, LAYOUT_1, LAYOUT_2, MIN_ENVELOPE_BYTES } from "./envelope_header.ts";
import { paddedLength, PADDING_MARK, PADDING_MARK_BYTES, paddingStart } from "./padding.ts";

const FLAGS_BYTES = 1;
const NOT_AFTER_BYTES = 6;
const SEQUENCE_BYTES = 8;
const NAME_LENGTH_BYTES = 2;
const MAX_NOT_AFTER_MS = 2 ** 48 - 1;

const COMPRESSION_MASK = 0b11;
const COMPRESSION_DEFLATE_RAW = 1;
const PADDED_BIT = 1 << 2;
const NOT_AFTER_BIT = 1 << 3;
const TYPE_SHIFT = 4;
const TYPE_MASK = 0b11;
const SEQUENCE_BIT = 1 << 6;
const NAME_BIT = 1 << 7;
const LAYOUT_2_BITS = SEQUENCE_BIT | NAME_BIT;

/** The longest envelope of a value that has at most `maxBodyBytes`, with every option there is. */
export function maxEnvelopeBytes(maxBodyBytes: number): number {
  const options = NOT_AFTER_BYTES + SEQUENCE_BYTES + NAME_LENGTH_BYTES + MAX_KEY_BYTES;
  return MIN_ENVELOPE_BYTES - FLAGS_BYTES + paddedLength(FLAGS_BYTES + options + maxBodyBytes + PADDING_MARK_BYTES);
}

/** The layout that a value needs: the first one, unless something is sealed that only the second one holds. */
export function layoutFor(options: SealOptions): Layout {
  return options.sequence === undefined && options.name === undefined ? LAYOUT_1 : LAYOUT_2;
}

/**
 * Refuses options that the layout has no room for.
 *
 * @throws RangeError
 */
export function checkOptions({ notAfterMs, sequence, name }: SealOptions): void {
  if (
    notAfterMs !== undefined && !(Number.isInteger(notAfterMs) && notAfterMs >= 0 && notAfterMs <= MAX_NOT_AFTER_MS)
  ) {
    throw new RangeError(`Cannot seal value: notAfterMs is ${notAfterMs}, and must be Unix time in whole milliseconds`);
  }
  if (sequence !== undefined && !(Number.isSafeInteger(sequence) && sequence >= 0)) {
    throw new RangeError(`Cannot seal value: sequence is ${sequence}, and must be a safe integer from 0`);
  }
  if (name !== undefined && name.length > MAX_KEY_BYTES) {
    throw new RangeError(`Cannot seal value: its name has ${name.length} bytes, the limit is ${MAX_KEY_BYTES}`);
  }
}

/**
 * Puts an inner plaintext together, of the layout of {@linkcode layoutFor}.
 *
 * @param value its body as it is to be stored
 * @param isCompressed whether the body has been compressed, with deflate-raw
 * @param options checked
 */
export function encodeInner(
  value: SealedBody,
  isCompressed: boolean,
  isPadded: boolean,
  options: SealOptions,
): Uint8Array<ArrayBuffer> {
  const { notAfterMs, sequence, name } = options;
  const { body } = value;
  let flags = value.type << TYPE_SHIFT;
  let start = FLAGS_BYTES;
  if (isCompressed) flags |= COMPRESSION_DEFLATE_RAW;
  if (notAfterMs !== undefined) {
    flags |= NOT_AFTER_BIT;
    start += NOT_AFTER_BYTES;
  }
  if (sequence !== undefined) {
    flags |= SEQUENCE_BIT;
    start += SEQUENCE_BYTES;
  }
  if (name !== undefined) {
    flags |= NAME_BIT;
    start += NAME_LENGTH_BYTES + name.length;
  }
  let length = start + body.length;
  if (isPadded) {
    flags |= PADDED_BIT;
    length = paddedLength(length + PADDING_MARK_BYTES);
  }

  const inner = new Uint8Array(length);
  inner[0] = flags;
  let at = FLAGS_BYTES;
  if (notAfterMs !== undefined) at = writeUint(notAfterMs, inner, at, NOT_AFTER_BYTES);
  if (sequence !== undefined) at = writeUint(sequence, inner, at, SEQUENCE_BYTES);
  if (name !== undefined) copyBytes(name, 0, inner, writeUint(name.length, inner, at, NAME_LENGTH_BYTES), name.length);
  copyBytes(body, 0, inner, start, body.length);
  if (isPadded) inner[start + body.length] = PADDING_MARK;
  return inner;
}

/** An inner plaintext, taken apart. */
export interface Inner {
  /** What the body is. */
  readonly type: ValueType;
  /** Whether the body is compressed, with deflate-raw. */
  readonly compressed: boolean;
  /** Unix time in ms after which the value must not be used any more. */
  readonly notAfterMs: number | undefined;
  /** Tells which of two values is the later one. */
  readonly sequence: number | undefined;
  /** The name that was sealed with the value; a view into the plaintext. */
  readonly name: Uint8Array<ArrayBuffer> | undefined;
  /** The value, without padding; a view into the plaintext. */
  readonly body: Uint8Array<ArrayBuffer>;
}

/**
 * Takes an inner plaintext apart. It is authentic by now, so a refusal here means a newer or a faulty client.
 *
 * @throws IntegrityError with `too-short`, `reserved-flag` or `bad-padding`
 */
export function decodeInner(inner: Uint8Array<ArrayBuffer>, layout: Layout): Inner {
  if (inner.length < FLAGS_BYTES) throw refusal("too-short");
  const flags = inner[0]!;
  const compression = flags & COMPRESSION_MASK;
  const type = flags >> TYPE_SHIFT & TYPE_MASK;
  const hasReserved = layout === LAYOUT_1 && (flags & LAYOUT_2_BITS) !== 0;
  if (hasReserved || compression > COMPRESSION_DEFLATE_RAW || type > ValueType.JSON) throw refusal("reserved-flag");

  let start = FLAGS_BYTES;
  /** Where the next `length` bytes start; what does not fit in the plaintext is not looked at. */
  const take = (length: number): number => {
    start += length;
    if (start > inner.length) throw refusal("too-short");
    return start - length;
  };
  let notAfterMs: number | undefined;
  let sequence: number | undefined;
  let name: Uint8Array<ArrayBuffer> | undefined;
  if ((flags & NOT_AFTER_BIT) !== 0) notAfterMs = readUint(inner, take(NOT_AFTER_BYTES), NOT_AFTER_BYTES);
  if ((flags & SEQUENCE_BIT) !== 0) {
    sequence = readUint(inner, take(SEQUENCE_BYTES), SEQUENCE_BYTES);
    if (!Number.isSafeInteger(sequence)) throw refusal("reserved-flag");
  }
  if ((flags & NAME_BIT) !== 0) {
    const length = readUint(inner, take(NAME_LENGTH_BYTES), NAME_LENGTH_BYTES);
    const at = take(length);
    name = inner.subarray(at, at + length);
  }
  const end = (flags & PADDED_BIT) === 0 ? inner.length : paddingStart(inner, start);
  return {
    type: type as ValueType,
    compressed: compression === COMPRESSION_DEFLATE_RAW,
    notAfterMs,
    sequence,
    name,
    body: inner.subarray(start, end),
  };
}

/** @returns where the next field starts */
function writeUint(value: number, bytes: Uint8Array, start: number, length: number): number {
  let rest = value;
  for (let at = start + length - 1; at >= start; at--) {
    bytes[at] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return start + length;
}

/** Exact up to 2^53; beyond it, still beyond it. */
function readUint(bytes: Uint8Array, start: number, length: number): number {
  let value = 0;
  for (let at = start; at < start + length; at++) value = value * 256 + bytes[at]!;
  return value;
}
