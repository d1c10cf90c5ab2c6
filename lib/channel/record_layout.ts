/**
 * How the channel's bytes are laid out on the stream (PROTOCOL.md §5).
 *
 * ```
 * off len field
 * 0   1   opcode  E0 hello, E1 reply, E2 data, EF reject
 * 1   4   length  u32, big-endian: bytes of the body
 * 5       body
 *
 * data    ciphertext ‖ tag (16)           the header is authenticated with it; a plaintext of no bytes is the end
 * reject  code u8                         see REJECTIONS
 * hello, reply                            see hello.ts, reply.ts
 * ```
 *
 * @module
 */

import type { Bytes } from "../crypto/subtle.ts";
import { TAG_BYTES } from "./cipher_state.ts";

/** First byte of each kind of record. */
export const Opcode = { HELLO: 0xe0, REPLY: 0xe1, DATA: 0xe2, REJECT: 0xef } as const;

/** Bytes in front of a body. */
export const HEADER_BYTES = 5;

/** Bytes that a data record is longer than what it carries. */
export const RECORD_OVERHEAD_BYTES: number = HEADER_BYTES + TAG_BYTES;

/** Why a server does not even begin a handshake; the codes on the wire count from 1. */
export const REJECTIONS = [
  "it does not speak this version of the channel",
  "it does not speak this cipher suite",
  "it does not know a flag that was asked for",
  "it has no room for another connection",
  "it has no key for a channel",
] as const;

/** See {@linkcode REJECTIONS}. */
export type Rejection = typeof REJECTIONS[number];

/** Writes a header to the front of an array. */
export function writeHeader(into: Uint8Array, opcode: number, bodyBytes: number): void {
  into[0] = opcode;
  into[1] = bodyBytes >>> 24;
  into[2] = bodyBytes >>> 16;
  into[3] = bodyBytes >>> 8;
  into[4] = bodyBytes;
}

/** How long the body is that the header at this place announces: up to 2^32 - 1. */
export function bodyBytesAt(bytes: Uint8Array, start: number): number {
  return bytes[start + 1]! * 2 ** 24 + (bytes[start + 2]! << 16 | bytes[start + 3]! << 8 | bytes[start + 4]!);
}

/** A record with a body that is there already. */
export function recordOf(opcode: number, body: Uint8Array): Bytes {
  const record = new Uint8Array(HEADER_BYTES + body.length);
  writeHeader(record, opcode, body.length);
  record.set(body, HEADER_BYTES);
  return record;
}
