/**
 * The neutral messages between the dialects and the commands. A dialect decodes into one {@linkcode Request} and
 * encodes one {@linkcode Response}; both are reused for every request of a session, and hold positions in byte arrays
 * that others own, so that a request costs no allocation (DESIGN.md §4).
 *
 * @module
 */

import type { WireErrorCode } from "../errors.ts";

const NO_BYTES = new Uint8Array(0);

/** What a decoder found: a positive number is the length of one complete request, consumed from the input. */
export const INCOMPLETE = 0;
/** The input cannot be understood from here on: answer with the request's error, then close. */
export const INVALID = -1;

/**
 * One decoded request. Keys and values are ranges of `bytes`, valid until the buffer they lie in is used again,
 * which is not before the response was encoded.
 */
export class Request {
  /** Opcode of the operation (operations.ts). */
  opcode = 0;
  /** The buffer in which key and value lie. */
  bytes: Uint8Array = NO_BYTES;
  /** Where the key starts in `bytes`. */
  keyStart = 0;
  /** Bytes of the key, 0 where the operation has none. */
  keyLength = 0;
  /** Where the value starts in `bytes`. */
  valueStart = 0;
  /** Bytes of the value. */
  valueLength = 0;
  /** Time to live in milliseconds, rounded up; 0 = no expiry. */
  ttlMs = 0;
  /** Why the request was refused while decoding, or `undefined` if it is sound. */
  errorCode: WireErrorCode | undefined = undefined;
  /** Says the same to a person; only meaningful with `errorCode`. */
  errorMessage = "";
  /** After INCOMPLETE: length of the whole request if it is known, else 0. */
  neededBytes = 0;
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

/** The answer to one request; its value is a range of `bytes`, valid until the store is next changed. */
export class Response {
  /** Outcome. */
  status: Status = Status.OK;
  /** The buffer in which the value lies. */
  bytes: Uint8Array = NO_BYTES;
  /** Where the value starts in `bytes`. */
  start = 0;
  /** Bytes of the value. */
  length = 0;
  /** With ERROR, CONFLICT and DENIED: the code; the value then says the same to a person. */
  errorCode: WireErrorCode | undefined = undefined;
  /** Text of an error. */
  errorMessage = "";

  /** A plain outcome without a value. */
  settle(status: Status): void {
    this.status = status;
    this.bytes = NO_BYTES;
    this.start = 0;
    this.length = 0;
    this.errorCode = undefined;
  }

  /** OK with the given range as its value. */
  value(bytes: Uint8Array, start: number, length: number): void {
    this.status = Status.OK;
    this.bytes = bytes;
    this.start = start;
    this.length = length;
    this.errorCode = undefined;
  }

  /** An error; the message must hold no part of a key, a value or a secret. */
  fail(code: WireErrorCode, message: string): void {
    this.settle(Status.ERROR);
    this.errorCode = code;
    this.errorMessage = message;
  }
}
