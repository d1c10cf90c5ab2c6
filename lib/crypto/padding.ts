/**
 * Padding of the inner plaintext, so that an envelope tells little about the length of its value: to 64 bytes, beyond
 * them to the lengths of Padmé (Nikitin and others, "Reducing Metadata Leakage from Encrypted Files and Communication
 * with PURBs", 2019). At most 12 % are added, ever less the longer the value is; what still shows is one of a few
 * lengths, not nothing.
 *
 * ```
 * … 0x80 00*     a mark, then zeros: no length is stored, and the last byte that is not zero is the mark
 * ```
 *
 * @module
 */

import { refusal } from "./envelope.ts";

const MIN_PADDED_BYTES = 64;

/** First byte of the padding. */
export const PADDING_MARK = 0x80;
/** What is padded grows at least by the mark. */
export const PADDING_MARK_BYTES = 1;

/** How long an inner plaintext becomes that has `length` bytes with the mark. */
export function paddedLength(length: number): number {
  return Math.max(MIN_PADDED_BYTES, padmeLength(length));
}

/**
 * Rounds a length up so that only its first bits say anything: as many of them as it takes to write down how many
 * bits it has.
 *
 * @param length from 1 to 2^32 - 1
 */
export function padmeLength(length: number): number {
  const exponent = 31 - Math.clz32(length);
  const significantBits = 32 - Math.clz32(exponent);
  const step = 2 ** Math.max(0, exponent - significantBits);
  return Math.ceil(length / step) * step;
}

/**
 * Where the padding starts that ends an inner plaintext.
 *
 * @param bodyStart where it may start at the earliest
 * @throws IntegrityError with `bad-padding` if there is no mark with nothing but zeros behind it
 */
export function paddingStart(inner: Uint8Array, bodyStart: number): number {
  let at = inner.length - 1;
  while (at >= bodyStart && inner[at] === 0) at--;
  if (at < bodyStart || inner[at] !== PADDING_MARK) throw refusal("bad-padding");
  return at;
}
