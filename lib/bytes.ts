/**
 * Small functions over byte arrays that several parts share.
 *
 * @module
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/** Text of UTF-8 bytes, for messages: what is not UTF-8 becomes U+FFFD. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** Text of UTF-8 bytes, for values: throws TypeError at what is not UTF-8 and keeps a byte order mark. */
export function strictTextOf(bytes: Uint8Array): string {
  return strictDecoder.decode(bytes);
}

/**
 * Below this, a loop is faster than `TypedArray.prototype.set` with its views (measured in V8: a call costs about as
 * much as 48 bytes of loop).
 */
const LOOP_COPY_BYTES = 48;

/** Copies `length` bytes between two arrays that do not overlap. */
export function copyBytes(
  source: Uint8Array,
  sourceStart: number,
  target: Uint8Array,
  targetStart: number,
  length: number,
): void {
  if (length <= LOOP_COPY_BYTES) {
    for (let i = 0; i < length; i++) target[targetStart + i] = source[sourceStart + i]!;
  } else {
    target.set(source.subarray(sourceStart, sourceStart + length), targetStart);
  }
}

/** Whether two ranges of the same length hold the same bytes. Not constant-time: never for secrets. */
export function rangesEqual(
  a: Uint8Array,
  aStart: number,
  b: Uint8Array,
  bStart: number,
  length: number,
): boolean {
  for (let i = 0; i < length; i++) if (a[aStart + i] !== b[bStart + i]) return false;
  return true;
}
