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
 * Bytes as a text of one character each, so that a Map or a Set can have them for a key. Not for people: UTF-8 looks
 * broken in it.
 */
export function binaryText(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

/** Opposite of {@linkcode binaryText}. */
export function bytesOfBinaryText(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

const NO_BYTES = new Uint8Array(0);

/**
 * A range of a byte array that somebody else owns. Made once and pointed anew for every request, so that keys and
 * values travel through the program without an allocation; whoever keeps one must copy its bytes.
 */
export class ByteRange {
  /** The array in which the range lies. */
  bytes: Uint8Array = NO_BYTES;
  /** Where it starts. */
  start = 0;
  /** How many bytes it has. */
  length = 0;

  /** A range over the whole of an array. */
  static of(bytes: Uint8Array): ByteRange {
    const range = new ByteRange();
    range.point(bytes, 0, bytes.length);
    return range;
  }

  /** Points at another range. */
  point(bytes: Uint8Array, start: number, length: number): void {
    this.bytes = bytes;
    this.start = start;
    this.length = length;
  }

  /** Points at nothing; forgets the array, so that it can be collected. */
  clear(): void {
    this.point(NO_BYTES, 0, 0);
  }

  /** The bytes themselves as a copy. */
  copy(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.bytes.subarray(this.start, this.start + this.length));
  }
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
