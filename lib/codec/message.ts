/**
 * The neutral messages between the dialects and the commands. A dialect decodes into one {@linkcode Request} and
 * encodes one {@linkcode Response}; both are reused for every request of a session and hold positions in byte arrays
 * that others own, so that a request costs no allocation (DESIGN.md §4).
 *
 * @module
 */

import { ByteRange } from "../bytes.ts";
import type { WireErrorCode } from "../errors.ts";

/** A decoder needs more bytes; any positive answer is the length of the complete request it consumed. */
export const INCOMPLETE = 0;
/** The input cannot be understood from here on: answer with the request's error, then close. */
export const INVALID = -1;

/** One decoded request. */
export class Request {
  /** Opcode of the operation (operations.ts). */
  opcode = 0;
  /** Its key; empty where the operation has none. */
  readonly key: ByteRange = new ByteRange();
  /** Its value; empty where the operation has none. */
  readonly value: ByteRange = new ByteRange();
  /** Time to live in milliseconds, rounded up; 0 = no expiry. */
  ttlMs = 0;
  /** Why the request was refused while decoding, or `undefined` if it is sound. */
  errorCode: WireErrorCode | undefined = undefined;
  /** Says the same to a person; only meaningful with `errorCode`. */
  errorMessage = "";
  /** After INCOMPLETE: length of the whole request if it is known, else 0. */
  neededBytes = 0;

  /** Marks the request as one that must not be carried out. */
  refuse(code: WireErrorCode, message: string): void {
    this.errorCode = code;
    this.errorMessage = message;
  }
}

/** Outcome of a request, in the numbers of the CM dialect (PROTOCOL.md §1.2). */
export const Status = {
  NOT_FOUND: 0,
  OK: 1,
  ERROR: 2,
  CONFLICT: 3,
  DENIED: 4,
} as const;

/** One of the numbers of {@linkcode Status}. */
export type Status = typeof Status[keyof typeof Status];

/** The answer to one request. Its value is valid until the store is next changed. */
export class Response {
  /** Outcome. */
  status: Status = Status.OK;
  /** The value, if there is one. */
  readonly value: ByteRange = new ByteRange();
  /** With ERROR, CONFLICT and DENIED: the code. */
  errorCode: WireErrorCode | undefined = undefined;
  /** Says the same to a person; only meaningful with `errorCode`. */
  errorMessage = "";

  /** An outcome without a value. */
  settle(status: Status): void {
    this.status = status;
    this.value.clear();
    this.errorCode = undefined;
  }

  /** OK with a value, which the caller points {@linkcode value} at. */
  answer(): void {
    this.status = Status.OK;
    this.errorCode = undefined;
  }

  /** An error; the message must hold no part of a key, a value or a secret. */
  fail(code: WireErrorCode, message: string): void {
    this.settle(Status.ERROR);
    this.errorCode = code;
    this.errorMessage = message;
  }
}
