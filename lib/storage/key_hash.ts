/**
 * HalfSipHash-1-3 with a 64-bit key and a 32-bit result (Aumasson and Bernstein, "SipHash: a fast short-input PRF";
 * 32-bit variant of the reference implementation, rounds as Linux' hsiphash). Keyed and made of 32-bit words, it is
 * the strongest hash that costs little in JavaScript: who does not know the seed cannot make keys that collide.
 *
 * Not for cryptography: 64 bits of key and 32 of result are too few.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";

/** The key of the hash: two 32-bit numbers. */
export type HashSeed = readonly [number, number];

/** A seed that nobody can guess. */
export function randomSeed(): HashSeed {
  const words = crypto.getRandomValues(new Int32Array(2));
  return [words[0]!, words[1]!];
}

/** Hashes a range of bytes to an unsigned 32-bit number. */
export function keyHash(key: ByteRange, seed: HashSeed): number {
  return hashBytes(key.bytes, key.start, key.length, seed[0], seed[1]);
}

/** Like {@linkcode keyHash}, for bytes at a position. */
export function hashBytes(bytes: Uint8Array, start: number, length: number, seed0: number, seed1: number): number {
  let v0 = seed0, v1 = seed1, v2 = 0x6c796765 ^ seed0, v3 = 0x74656462 ^ seed1;
  let at = start;
  for (const end = start + (length & ~3); at < end; at += 4) {
    const word = bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
    v3 ^= word;
    // One SipRound, written out here and below: a function with four results would cost an allocation.
    v0 = v0 + v1 | 0, v1 = (v1 << 5 | v1 >>> 27) ^ v0, v0 = v0 << 16 | v0 >>> 16;
    v2 = v2 + v3 | 0, v3 = (v3 << 8 | v3 >>> 24) ^ v2;
    v0 = v0 + v3 | 0, v3 = (v3 << 7 | v3 >>> 25) ^ v0;
    v2 = v2 + v1 | 0, v1 = (v1 << 13 | v1 >>> 19) ^ v2, v2 = v2 << 16 | v2 >>> 16;
    v0 ^= word;
  }
  // The last word holds the 0 to 3 bytes left and, above them, the length modulo 256.
  let word = length << 24;
  if ((length & 3) > 2) word |= bytes[at + 2]! << 16;
  if ((length & 3) > 1) word |= bytes[at + 1]! << 8;
  if ((length & 3) > 0) word |= bytes[at]!;
  v3 ^= word;
  v0 = v0 + v1 | 0, v1 = (v1 << 5 | v1 >>> 27) ^ v0, v0 = v0 << 16 | v0 >>> 16;
  v2 = v2 + v3 | 0, v3 = (v3 << 8 | v3 >>> 24) ^ v2;
  v0 = v0 + v3 | 0, v3 = (v3 << 7 | v3 >>> 25) ^ v0;
  v2 = v2 + v1 | 0, v1 = (v1 << 13 | v1 >>> 19) ^ v2, v2 = v2 << 16 | v2 >>> 16;
  v0 ^= word;
  v2 ^= 0xff;
  for (let round = 0; round < 3; round++) {
    v0 = v0 + v1 | 0, v1 = (v1 << 5 | v1 >>> 27) ^ v0, v0 = v0 << 16 | v0 >>> 16;
    v2 = v2 + v3 | 0, v3 = (v3 << 8 | v3 >>> 24) ^ v2;
    v0 = v0 + v3 | 0, v3 = (v3 << 7 | v3 >>> 25) ^ v0;
    v2 = v2 + v1 | 0, v1 = (v1 << 13 | v1 >>> 19) ^ v2, v2 = v2 << 16 | v2 >>> 16;
  }
  return (v1 ^ v3) >>> 0;
}
