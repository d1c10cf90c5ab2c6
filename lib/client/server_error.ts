/**
 * What a server said when it refused.
 *
 * @module
 */

import { textOf } from "../bytes.ts";
import { CryptomemError, WIRE_ERROR_CODES, type WireErrorCode } from "../errors.ts";

/** As much of a server's text as an error shows. */
const SHOWN_TEXT_LENGTH = 200;
const WIRE_CODES: ReadonlySet<string> = new Set(WIRE_ERROR_CODES);

/**
 * The error for a reply whose value is `CODE message`. A code that is not on the list becomes `INTERNAL`: the list is
 * closed, so that a program can handle all of it.
 *
 * @param request what was asked, as in "Cannot <request>: …"
 */
export function serverError(request: string, value: Uint8Array): CryptomemError {
  // Whoever steers the server writes this text, and it will be shown on terminals and in logs.
  const text = textOf(value.subarray(0, SHOWN_TEXT_LENGTH)).replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "\u{FFFD}");
  const [, word = "", message = ""] = /^([A-Z_]+)(?: (.*))?$/u.exec(text) ?? [];
  if (!WIRE_CODES.has(word)) {
    return new CryptomemError("INTERNAL", `Cannot ${request}: the server answered an unknown error (${text})`);
  }
  return new CryptomemError(word as WireErrorCode, `Cannot ${request}: the server answered ${word} (${message})`);
}
