/**
 * The neutral messages between the dialects and the commands. A dialect decodes into one {@linkcode Request} and
 * encodes one {@linkcode Response}; both are reused for every request of a session and hold positions in byte arrays
 * that others own, so that a plain request costs no allocation (DESIGN.md §4).
 *
 * @module
 */

import { ByteRange } from "../bytes.ts";
import type { WireErrorCode } from "../errors.ts";
import type { Integer } from "../integer.ts";
import type { Operation } from "./operations.ts";
import type { Reply } from "./reply.ts";

/** A decoder needs more bytes; any positive answer is the length of the complete request it consumed. */
export const INCOMPLETE = 0;
/** The input cannot be understood from here on: answer with the request's error, then close. */
export const INVALID = -1;

/** One decoded request, in the typed form (`opcode` is not 0) or the argument form of an operation (operations.ts). */
export class Request {
  /** Opcode of the typed form, 0 for the argument form. */
  opcode = 0;
  /** The operation of the argument form; `undefined` for the typed one. */
  operation: Operation | undefined = undefined;

  /** Typed form: the key, or what takes its place: a prefix, a channel, a token's id. Empty where there is none. */
  readonly key: ByteRange = new ByteRange();
  /** Typed form: the value; empty where there is none. */
  readonly value: ByteRange = new ByteRange();
  /** Typed form: time to live in milliseconds, rounded up; 0 = no expiry. */
  ttlMs = 0;
  /** INCR and DECR: by how much. */
  delta: Integer = 1;
  /** CAS: the version expected. */
  version = 0;
  /** SCAN: where to go on. */
  cursor = 0;
  /** SCAN: how many entries to look at, about. */
  count = 0;

  /** Argument form: the words behind the name, the first {@linkcode wordCount} of a list that only grows. */
  readonly words: ByteRange[] = [];
  /** How many words there are. */
  wordCount = 0;

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

  /** Points the next word; {@linkcode wordCount} was set to 0 before the first. */
  addWord(bytes: Uint8Array, start: number, length: number): void {
    let word = this.words[this.wordCount];
    if (word === undefined) this.words.push(word = new ByteRange());
    word.point(bytes, start, length);
    this.wordCount++;
  }

  /** A request of its own, with copies of all bytes: for who carries it out later. */
  clone(): Request {
    const copy = new Request();
    copy.opcode = this.opcode;
    copy.operation = this.operation;
    copyRange(this.key, copy.key);
    copyRange(this.value, copy.value);
    copy.ttlMs = this.ttlMs;
    copy.delta = this.delta;
    copy.version = this.version;
    copy.cursor = this.cursor;
    copy.count = this.count;
    for (let i = 0; i < this.wordCount; i++) {
      const bytes = this.words[i]!.copy();
      copy.addWord(bytes, 0, bytes.length);
    }
    return copy;
  }
}

function copyRange(source: ByteRange, target: ByteRange): void {
  const bytes = source.copy();
  target.point(bytes, 0, bytes.length);
}

/** Outcome of a request, in the numbers of the CM dialect (PROTOCOL.md). */
export const Status = {
  NOT_FOUND: 0,
  OK: 1,
  ERROR: 2,
  CONFLICT: 3,
  DENIED: 4,
} as const;

/** One of the numbers of {@linkcode Status}. */
export type Status = typeof Status[keyof typeof Status];

/** What an OK carries. */
export const Payload = {
  /** Nothing: the outcome says it all. */
  NONE: 0,
  /** {@linkcode Response.value}. */
  VALUE: 1,
  /** {@linkcode Response.integer}. */
  INTEGER: 2,
  /** {@linkcode Response.reply}. */
  REPLY: 3,
} as const;

/** One of the numbers of {@linkcode Payload}. */
export type Payload = typeof Payload[keyof typeof Payload];

/**
 * The answer to one request. Its value is valid until the store is next called.
 *
 * NOT_FOUND is what dialects write as nothing there: status 0, `(nil)`, `$-1`, `ERR`.
 */
export class Response {
  /** Outcome. */
  status: Status = Status.OK;
  /** What an OK carries. */
  payload: Payload = Payload.NONE;
  /** With VALUE. */
  readonly value: ByteRange = new ByteRange();
  /** With VALUE: the version before the value, 0 = none is told (GETV tells it). */
  version = 0;
  /** With INTEGER. */
  integer: Integer = 0;
  /** With REPLY. */
  reply: Reply = null;
  /** Nothing is to be sent: the answer has gone as pushes, or is not wanted. */
  isSilent = false;
  /** With ERROR, CONFLICT and DENIED: the code. */
  errorCode: WireErrorCode | undefined = undefined;
  /** Says the same to a person; only meaningful with `errorCode`. */
  errorMessage = "";

  /** An outcome that carries nothing. */
  settle(status: Status): void {
    this.status = status;
    this.payload = Payload.NONE;
    this.isSilent = false;
    this.errorCode = undefined;
  }

  /** OK with a value, which the caller points {@linkcode value} at. */
  answerValue(version = 0): void {
    this.status = Status.OK;
    this.payload = Payload.VALUE;
    this.version = version;
    this.isSilent = false;
    this.errorCode = undefined;
  }

  /** OK with a number. */
  answerInteger(integer: Integer): void {
    this.status = Status.OK;
    this.payload = Payload.INTEGER;
    this.integer = integer;
    this.isSilent = false;
    this.errorCode = undefined;
  }

  /** OK with something that has a structure. */
  answer(reply: Reply): void {
    this.status = Status.OK;
    this.payload = Payload.REPLY;
    this.reply = reply;
    this.isSilent = false;
    this.errorCode = undefined;
  }

  /**
   * An error that changed nothing.
   *
   * @param message must hold no part of a value or a secret; in the words of Redis where Redis has the same error, without
   * its prefix
   */
  fail(code: WireErrorCode, message: string, status: Status = Status.ERROR): void {
    this.settle(status);
    this.errorCode = code;
    this.errorMessage = message;
  }
}
