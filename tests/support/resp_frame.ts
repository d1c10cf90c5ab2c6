/**
 * RESP requests put together by hand.
 *
 * @module
 */

import { concat } from "@std/bytes";
import { utf8 } from "../../lib/bytes.ts";

/** A command as an array of bulk strings. */
export function command(...words: (string | number | bigint | Uint8Array)[]): Uint8Array {
  const parts: Uint8Array[] = [utf8(`*${words.length}\r\n`)];
  for (const word of words) {
    const bytes = word instanceof Uint8Array ? word : utf8(String(word));
    parts.push(utf8(`$${bytes.length}\r\n`), bytes, utf8("\r\n"));
  }
  return concat(parts);
}
