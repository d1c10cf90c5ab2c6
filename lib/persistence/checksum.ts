/**
 * The checksum of all that persistence writes: CRC-32 as in zlib, PNG and IEEE 802.3. It finds what disks and crashes do
 * to bytes, each change of up to 32 neighbouring bits for certain and any other with a chance of 1 - 2^-32; it is no proof
 * against somebody who writes the files on purpose.
 *
 * zlib's own, which is part of Deno: 30 ns for a record of 130 bytes, 5 µs for a block of 256 KiB.
 *
 * @module
 */
import { crc32 as zlibCrc32 } from "node:zlib";

/**
 * The CRC-32 of `bytes`, as an unsigned number of 32 bits.
 *
 * @param seed the checksum of what comes before them: `crc32(b, crc32(a))` is the checksum of a and b together
 */
export function crc32(bytes: Uint8Array, seed = 0): number {
  return zlibCrc32(bytes, seed);
}
