/**
 * The one error class that callers are meant to catch, and its closed list of codes.
 *
 * Misuse (a wrong type, a value out of its range) throws `TypeError` or `RangeError` instead and is not meant
 * to be caught. Branch on `code`, never on the text.
 *
 * @module
 */

/** Codes that travel on the wire (PROTOCOL.md §6). The list is closed: a server sends no other. */
export const WIRE_ERROR_CODES = [
  "BAD_MAGIC",
  "BAD_REQUEST",
  "UNKNOWN_COMMAND",
  "TOO_LARGE",
  "NOT_INTEGER",
  "OVERFLOW",
  "OUT_OF_MEMORY",
  "AUTH_REQUIRED",
  "AUTH_FAILED",
  "FORBIDDEN",
  "CONFLICT",
  "SEALED_ONLY",
  "BUSY",
  "SHUTTING_DOWN",
  "STORAGE",
  "INTERNAL",
] as const;

/** A code that a server may answer with. */
export type WireErrorCode = typeof WIRE_ERROR_CODES[number];

/**
 * Codes that only a client raises, about the way to the server or about what came back from it.
 *
 * - `UNREACHABLE`: no connection could be made; the request never left.
 * - `DISCONNECTED`: the connection ended while the request was under way; it may or may not have been carried out.
 * - `TIMEOUT`: no reply within the client's timeout; it may or may not have been carried out.
 * - `UNTRUSTED`: what answered is not the server that the client was told to trust, or somebody changed what passed.
 *
 * The others are those of an {@linkcode IntegrityError}: the server answered with something that does not open.
 *
 * - `NOT_SEALED`: it is no envelope.
 * - `UNKNOWN_KEY`: it was sealed with a key that this client never held.
 * - `WRONG_KEY`: it was sealed with a key that this client has dropped.
 * - `TAMPERED`: it was changed, moved here from another place, or sealed by a faulty program.
 * - `EXPIRED`: it was sealed until a moment that has passed.
 * - `ROLLED_BACK`: this client has already seen a later value there.
 */
export type ClientErrorCode = "UNREACHABLE" | "DISCONNECTED" | "TIMEOUT" | "UNTRUSTED" | IntegrityCode;

/** The codes of an {@linkcode IntegrityError}. */
export type IntegrityCode = "NOT_SEALED" | "UNKNOWN_KEY" | "WRONG_KEY" | "TAMPERED" | "EXPIRED" | "ROLLED_BACK";

/** Every `code` that a {@linkcode CryptomemError} can carry. */
export type ErrorCode = WireErrorCode | ClientErrorCode;

/**
 * A condition that a caller may want to handle.
 *
 * @example Telling conditions apart by code
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { CryptomemError } from "@cryptomem/client";
 *
 * const error: unknown = new CryptomemError("TIMEOUT", "Cannot get \"k\": no reply within 60000 ms");
 * assertEquals(error instanceof CryptomemError && error.code, "TIMEOUT");
 * ```
 */
export class CryptomemError extends Error {
  /** The name of the class, for logs. */
  override readonly name: string = "CryptomemError";
  /** What happened, from a closed list. */
  readonly code: ErrorCode;

  /**
   * An error with a code.
   *
   * @param code what happened
   * @param message "Cannot <do> <what>: <state>", never with a secret in it
   * @param options the underlying error, if there is one, as `cause`
   */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Why an envelope was refused, to the last detail (CRYPTO.md §1.2). For logs and tests: whoever steers the server
 * chooses which of them appears, so a program should go by `code` at most.
 */
export type IntegrityReason =
  | "unknown-version"
  | "too-short"
  | "unknown-key-id"
  | "dropped-key-id"
  | "expired"
  | "rolled-back"
  | "auth"
  | "reserved-flag"
  | "bad-padding"
  | "bad-compression"
  | "bad-utf8"
  | "bad-json"
  | "size-limit"
  | "other-name"
  | "fernet";

const CODE_OF_REASON: Record<IntegrityReason, IntegrityCode> = {
  "unknown-version": "NOT_SEALED",
  "too-short": "NOT_SEALED",
  "unknown-key-id": "UNKNOWN_KEY",
  "dropped-key-id": "WRONG_KEY",
  "expired": "EXPIRED",
  "rolled-back": "ROLLED_BACK",
  "auth": "TAMPERED",
  "reserved-flag": "TAMPERED",
  "bad-padding": "TAMPERED",
  "bad-compression": "TAMPERED",
  "bad-utf8": "TAMPERED",
  "bad-json": "TAMPERED",
  "size-limit": "TAMPERED",
  "other-name": "TAMPERED",
  "fernet": "TAMPERED",
};

/**
 * A value came back from the server but does not open: it was changed, moved from another key, sealed with another
 * key, is too old, or is no envelope at all. Nothing of it is returned.
 */
export class IntegrityError extends CryptomemError {
  /** The name of the class, for logs. */
  override readonly name = "IntegrityError";
  /** What happened; follows from `reason`. */
  declare readonly code: IntegrityCode;
  /** Which check refused it. */
  readonly reason: IntegrityReason;

  /**
   * An error whose code follows from the reason.
   *
   * @param reason which check refused the value
   * @param message "Cannot <do> <what>: <state>", without any part of the value, and the same for every reason
   */
  constructor(reason: IntegrityReason, message: string) {
    super(CODE_OF_REASON[reason], message);
    this.reason = reason;
  }
}
