/**
 * Whole numbers as the files of a data directory hold them: unsigned, the high byte first. What has 64 bits on disk is
 * a count of bytes, entries or milliseconds and stays far below 2^53, so that a `number` is exact.
 *
 * @module
 */

const TWO_TO_32 = 0x1_0000_0000;

/** The number of 16 bits at `at`. */
export function readU16(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 8 | bytes[at + 1]!;
}

/** The number of 32 bits at `at`. */
export function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
}

/** The number of 48 bits at `at`. */
export function readU48(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at) * TWO_TO_32 + readU32(bytes, at + 2);
}

/** The number of 64 bits at `at`; not exact from 2^53 on. */
export function readU64(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at) * TWO_TO_32 + readU32(bytes, at + 4);
}

/** Write a number of 16 bits at `at`. */
export function writeU16(value: number, bytes: Uint8Array, at: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

/** Write a number of 32 bits at `at`. */
export function writeU32(value: number, bytes: Uint8Array, at: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Write a number of 48 bits at `at`. */
export function writeU48(value: number, bytes: Uint8Array, at: number): void {
  writeU16(Math.floor(value / TWO_TO_32), bytes, at);
  writeU32(value % TWO_TO_32, bytes, at + 2);
}

/** Write a number of 64 bits, below 2^53, at `at`. */
export function writeU64(value: number, bytes: Uint8Array, at: number): void {
  writeU32(Math.floor(value / TWO_TO_32), bytes, at);
  writeU32(value % TWO_TO_32, bytes, at + 4);
}
