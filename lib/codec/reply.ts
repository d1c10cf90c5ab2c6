/**
 * Answers that have a structure: what the argument forms of operations give, and what RESP can say. For the rest, and
 * for all that must be fast, a {@linkcode Response} carries a value or a number without any object.
 *
 * | here | RESP2 | RESP3 |
 * |---|---|---|
 * | `null` | `$-1` | `_` |
 * | `number`, `bigint` | `:` | `:` |
 * | `boolean` | `:1` or `:0` | `#` |
 * | `Uint8Array`, `string` | `$` | `$` |
 * | {@linkcode Plain} | `+` | `+` |
 * | {@linkcode Failure} | `-` | `-` |
 * | {@linkcode Decimal} | `$` | `,` |
 * | array | `*` | `*` |
 * | `Map` | `*` of twice as many | `%` |
 * | `Set` | `*` | `~` |
 * | {@linkcode NoArray} | `*-1` | `_` |
 *
 * @module
 */

import type { WireErrorCode } from "../errors.ts";

/** A word of the protocol, as OK: not a value. */
export class Plain {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** The error of one part, as in the answer of EXEC. */
export class Failure {
  readonly code: WireErrorCode;
  readonly message: string;

  constructor(code: WireErrorCode, message: string) {
    this.code = code;
    this.message = message;
  }
}

/** A number with a fraction, as its digits. */
export class Decimal {
  readonly digits: string;

  constructor(digits: string) {
    this.digits = digits;
  }
}

/** Nothing in the place of an array: a transaction that was not carried out. */
export class NoArray {
  /** The only one. */
  static readonly VALUE = new NoArray();
}

/** An answer with a structure. */
export type Reply =
  | null
  | number
  | bigint
  | boolean
  | string
  | Uint8Array
  | Plain
  | Failure
  | Decimal
  | NoArray
  | readonly Reply[]
  | ReadonlyMap<Reply, Reply>
  | ReadonlySet<Reply>;

/** The word of success. */
export const OK: Plain = new Plain("OK");
