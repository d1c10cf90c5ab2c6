/**
 * What a test of a store says in every line: keys, values, and what is found. Operations that a failed model test
 * prints are written with these.
 *
 * @module
 */

import { ByteRange, utf8 } from "../../lib/bytes.ts";
import { CryptomemError, type ErrorCode } from "../../lib/errors.ts";
import type { Store } from "../../lib/storage/store.ts";

/** The UTF-8 bytes of a key or value. */
export function text(content: string): ByteRange {
  return ByteRange.of(utf8(content));
}

/** A value of so many bytes, all alike. */
export function bytes(length: number, fill: number = 0): ByteRange {
  return ByteRange.of(new Uint8Array(length).fill(fill));
}

/** What a range holds, as text. */
export function textIn(range: ByteRange): string {
  return new TextDecoder().decode(range.copy());
}

/** The value of a key as text, if there is one. */
export function read(store: Store, key: string): string | undefined {
  const value = new ByteRange();
  return store.get(text(key), value) ? textIn(value) : undefined;
}

/** Which of some keys are there, without using their entries. */
export function present(store: Store, keys: Iterable<string>): string[] {
  return [...keys].filter((key) => store.exists(text(key)));
}

/** The code of the error that a call ends with, if it does. */
export function codeOf(call: () => void): ErrorCode | undefined {
  try {
    call();
  } catch (error) {
    if (error instanceof CryptomemError) return error.code;
    throw error;
  }
  return undefined;
}
