/**
 * CM frames put together by hand from the byte table of PROTOCOL.md §1.1, not by the codec that is tested with them.
 *
 * @module
 */

import { utf8 } from "../../lib/bytes.ts";

/** Every field of a request; what is left out is empty or 0. */
export interface FrameFields {
  readonly magic?: string;
  readonly opcode: number;
  readonly key?: string | Uint8Array;
  readonly value?: string | Uint8Array;
  /** Nanoseconds. */
  readonly ttl?: bigint;
  /** Announced instead of the real lengths. */
  readonly keyLength?: number;
  readonly valueLength?: number;
}

/** The bytes of one request. */
export function frame(fields: FrameFields): Uint8Array<ArrayBuffer> {
  const key = bytesOf(fields.key), value = bytesOf(fields.value);
  const bytes = new Uint8Array(17 + key.length + value.length);
  const view = new DataView(bytes.buffer);
  bytes.set(utf8(fields.magic ?? "CM"));
  view.setUint8(2, fields.opcode);
  view.setUint16(3, fields.keyLength ?? key.length);
  view.setUint32(5, fields.valueLength ?? value.length);
  view.setBigInt64(9, fields.ttl ?? 0n);
  bytes.set(key, 17);
  bytes.set(value, 17 + key.length);
  return bytes;
}

/** The bytes of one response. */
export function reply(status: number, value: string | Uint8Array = ""): Uint8Array<ArrayBuffer> {
  const bytes = bytesOf(value);
  const all = new Uint8Array(7 + bytes.length);
  all.set(utf8("CM"));
  all[2] = status;
  new DataView(all.buffer).setUint32(3, bytes.length);
  all.set(bytes, 7);
  return all;
}

function bytesOf(content: string | Uint8Array = ""): Uint8Array {
  return typeof content === "string" ? utf8(content) : content;
}
