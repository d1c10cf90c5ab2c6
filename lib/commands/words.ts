/**
 * Words of the argument form, read as what a command takes them for.
 *
 * @module
 */

import { binaryText, type ByteRange, textOf } from "../bytes.ts";
import { CryptomemError } from "../errors.ts";
import type { Integer } from "../integer.ts";
import { parseInteger } from "../integer.ts";

/** No option has so many bytes; a longer word is none and need not be looked at. */
const MAX_OPTION_BYTES = 16;
/** What is quoted of a word that is not understood. */
const MAX_QUOTED_BYTES = 128;

/** A word as the name of an option, in lower case; empty if it is too long to be one. */
export function optionOf(word: ByteRange): string {
  if (word.length > MAX_OPTION_BYTES) return "";
  return binaryText(word.bytes.subarray(word.start, word.start + word.length)).toLowerCase();
}

/**
 * A word as a whole number, written in the one way in which numbers are stored.
 *
 * @throws CryptomemError `NOT_INTEGER` if it is none of 64 bits
 */
export function integerOf(word: ByteRange): Integer {
  const integer = parseInteger(word);
  if (integer === undefined) throw new CryptomemError("NOT_INTEGER", "value is not an integer or out of range");
  return integer;
}

/** Whether two words are the same bytes. */
export function areSame(a: ByteRange, b: ByteRange): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a.bytes[a.start + i] !== b.bytes[b.start + i]) return false;
  return true;
}

/** What answers words that mean nothing where they stand. */
export function syntaxError(): CryptomemError {
  return new CryptomemError("BAD_REQUEST", "syntax error");
}

/** What answers words that are too few, too many or not in pairs. */
export function wrongNumberOfWords(command: string): CryptomemError {
  return new CryptomemError("BAD_REQUEST", `wrong number of arguments for '${command}' command`);
}

/** What answers the first word of a command with subcommands if it is none of them. */
export function unknownSubcommand(command: string, word: ByteRange): CryptomemError {
  const quoted = textOf(word.copy().subarray(0, MAX_QUOTED_BYTES));
  return new CryptomemError("BAD_REQUEST", `unknown subcommand '${quoted}'. Try ${command} HELP.`);
}
