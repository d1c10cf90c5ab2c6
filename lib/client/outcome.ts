/**
 * What came of reading an entry, as a value rather than an error: for a program that treats an expired value otherwise
 * than a forged one.
 *
 * @module
 */

import { keyIdText } from "../crypto/envelope_header.ts";
import type { Value } from "../crypto/value.ts";
import { type IntegrityCode, IntegrityError } from "../errors.ts";
import { NO_KEY_ID } from "./fernet_codec.ts";
import type { Found } from "./sealed_values.ts";

/** A value that was refused, and why; {@linkcode Outcome} says what each means. */
export type RefusedStatus = "expired" | "wrong-key" | "unknown-key" | "tampered" | "rolled-back" | "not-an-envelope";

/** What each code of an {@linkcode IntegrityError} is called in an {@linkcode Outcome}. */
const STATUS_OF_CODE: Readonly<Record<IntegrityCode, RefusedStatus>> = {
  EXPIRED: "expired",
  WRONG_KEY: "wrong-key",
  UNKNOWN_KEY: "unknown-key",
  TAMPERED: "tampered",
  ROLLED_BACK: "rolled-back",
  NOT_SEALED: "not-an-envelope",
};

/**
 * What {@linkcode Client.open} found under a key.
 *
 * - `found`: a value that opened, and the id of the key that it was sealed with (none for a Fernet token).
 * - `missing`: no entry. The server can say so of any.
 * - `plaintext`: a value that nobody has sealed, in a migration only. Whoever steers the server can have made it up.
 * - `expired`: sealed until a moment that has passed.
 * - `wrong-key`: sealed with a key that this client has dropped.
 * - `unknown-key`: sealed with a key that this client never held.
 * - `tampered`: changed, moved here from another place, or sealed by a faulty program.
 * - `rolled-back`: older than a value that this client has seen there.
 * - `not-an-envelope`: nothing that a client seals.
 */
export type Outcome<T = Value> =
  | { readonly status: "found"; readonly value: T; readonly keyId: string | undefined }
  | { readonly status: "missing" }
  | { readonly status: "plaintext"; readonly value: T }
  | { readonly status: RefusedStatus; readonly error: IntegrityError };

/** The outcome of a reading. Errors that are not about the value stay errors. */
export async function outcomeOf(reading: Promise<Found | undefined>): Promise<Outcome> {
  try {
    const found = await reading;
    if (found === undefined) return { status: "missing" };
    const { value, sealed } = found;
    if (sealed === undefined) return { status: "plaintext", value };
    return { status: "found", value, keyId: sealed.keyId === NO_KEY_ID ? undefined : keyIdText(sealed.keyId) };
  } catch (error) {
    if (error instanceof IntegrityError) return { status: STATUS_OF_CODE[error.code], error };
    throw error;
  }
}
