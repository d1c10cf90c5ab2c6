/**
 * Buffers that short records are written from, shared by all channels. Each lies outside of the JavaScript heap; one for
 * every record would keep the garbage collector freeing them, for milliseconds at a time.
 *
 * Nothing but what goes over the wire is ever in them.
 *
 * @module
 */

import type { Bytes } from "../crypto/subtle.ts";
import { MAX_KEPT_RECORD_BUFFERS, MAX_NATIVE_RECORD_BYTES } from "../limits.ts";
import { RECORD_OVERHEAD_BYTES } from "./record_layout.ts";

const BUFFER_BYTES = MAX_NATIVE_RECORD_BYTES + RECORD_OVERHEAD_BYTES;

const free: Bytes[] = [];

/** Borrows a place for a record, and no longer than that. */
export function takeRecord(recordBytes: number): Bytes {
  if (recordBytes > BUFFER_BYTES) return new Uint8Array(recordBytes);
  return (free.pop() ?? new Uint8Array(BUFFER_BYTES)).subarray(0, recordBytes);
}

/** Gives it back, once it has been written. */
export function giveRecord(record: Bytes): void {
  if (record.buffer.byteLength === BUFFER_BYTES && free.length < MAX_KEPT_RECORD_BUFFERS) {
    free.push(new Uint8Array(record.buffer));
  }
}
