/**
 * Whole numbers of 64 bits, which most often fit a `number`.
 *
 * @module
 */

/** A whole number of 64 bits; a `bigint` only where it is too large to be exact as a `number`. */
export type Integer = number | bigint;
