/**
 * The part of `@std/bytes` that the project uses, made from `node:buffer`, for machines that cannot reach JSR
 * (see tools/setup.ts). tests/jsr_fallback_test.ts holds it and the real package to the same behaviour.
 *
 * @module
 */
import { Buffer } from "node:buffer";

/** One new array with the bytes of all, in order. */
export function concat(buffers: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  // Copied out, since a short Buffer is a window on a pool that it shares with others.
  return new Uint8Array(Buffer.concat(buffers));
}

/** Whether both hold the same bytes. Not constant-time. */
export function equals(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** Whether `source` begins with `prefix`. */
export function startsWith(source: Uint8Array, prefix: Uint8Array): boolean {
  return equals(source.subarray(0, prefix.length), prefix);
}

/** Whether `source` ends with `suffix`. */
export function endsWith(source: Uint8Array, suffix: Uint8Array): boolean {
  return suffix.length <= source.length && equals(source.subarray(source.length - suffix.length), suffix);
}

/** Index of the first occurrence at or after `start`, or -1. */
export function indexOfNeedle(source: Uint8Array, needle: Uint8Array, start = 0): number {
  return Buffer.from(source.buffer, source.byteOffset, source.byteLength).indexOf(needle, start);
}

/** Whether `needle` occurs at or after `start`. */
export function includesNeedle(source: Uint8Array, needle: Uint8Array, start = 0): boolean {
  return indexOfNeedle(source, needle, start) !== -1;
}
