/**
 * What may be stored under which keys of a server that takes sealed values only: under all keys or those with certain
 * prefixes only envelopes, and under some of these whole numbers too, so that servers can go on counting.
 *
 * Without a key nobody can tell an envelope from bytes that look like one. The rule keeps plain values from getting in by
 * mistake or by a client that does not seal; it is no proof that what got in opens.
 *
 * @module
 */

import { type ByteRange, utf8 } from "../bytes.ts";
import { envelopeKeyId } from "../crypto/envelope_header.ts";
import { parseInteger } from "../integer.ts";
import { MAX_KEY_BYTES } from "../limits.ts";

/** Every key, where prefixes could stand instead. */
export const ALL = "all";
/** No key, in the same place where it is written as a text. */
const NONE = "none";

/** How a rule is written. */
export interface SealingOptions {
  /** Which keys take sealed values only: `"all"`, or those with one of these prefixes. */
  readonly sealedOnly?: typeof ALL | readonly string[];
  /** Prefixes of such keys that take whole numbers too. */
  readonly counters?: readonly string[];
}

/** A rule. Keys and values are looked at where they lie. */
export class SealingRule {
  readonly #sealedOnly: readonly Uint8Array[];
  readonly #counters: readonly Uint8Array[];

  /**
   * @throws TypeError for what is neither `"all"` nor a list of texts
   * @throws RangeError for a text that is no prefix, and for a prefix of counters under which no key is sealed-only
   */
  constructor({ sealedOnly = [], counters = [] }: SealingOptions) {
    this.#sealedOnly = sealedOnly === ALL ? [new Uint8Array(0)] : prefixesOf(sealedOnly);
    this.#counters = prefixesOf(counters);
    for (const [i, counter] of this.#counters.entries()) {
      if (this.#sealedOnly.some((prefix) => beginsWith(prefix, counter) || beginsWith(counter, prefix))) continue;
      throw new RangeError(
        `Cannot use ${
          JSON.stringify(counters[i])
        } as a prefix of counters: no key under it is sealed-only, so all of ` +
          "them take numbers already",
      );
    }
  }

  /** Whether it lets everything in. */
  get isEmpty(): boolean {
    return this.#sealedOnly.length === 0;
  }

  /** Whether a key takes sealed values only, be it with or without numbers. */
  isSealedOnly(key: ByteRange): boolean {
    return isUnder(this.#sealedOnly, key);
  }

  /** Whether a key takes whole numbers. */
  admitsNumbers(key: ByteRange): boolean {
    return !this.isSealedOnly(key) || isUnder(this.#counters, key);
  }

  /** Whether a key takes a value. */
  admits(key: ByteRange, value: ByteRange): boolean {
    if (envelopeKeyId(value.bytes, value.start, value.length) !== -1 || !this.isSealedOnly(key)) return true;
    return isUnder(this.#counters, key) && parseInteger(value) !== undefined;
  }
}

function prefixesOf(texts: readonly string[]): readonly Uint8Array[] {
  if (!Array.isArray(texts)) {
    throw new TypeError(`Cannot use ${JSON.stringify(texts)} as prefixes of keys: write them as a list`);
  }
  return texts.map(prefixOf);
}

function prefixOf(text: string): Uint8Array {
  const refused = `Cannot use ${JSON.stringify(text)} as a prefix of keys: `;
  if (typeof text !== "string") throw new TypeError(`${refused}it must be a text`);
  if (text === "") throw new RangeError(`${refused}it is empty; write ${ALL} for every key`);
  if (text === ALL || text === NONE) throw new RangeError(`${refused}the word stands alone, for ${text} of the keys`);
  if (!text.isWellFormed()) throw new RangeError(`${refused}it has half a character, which no key can begin with`);
  const bytes = utf8(text);
  if (bytes.length > MAX_KEY_BYTES) {
    throw new RangeError(`Cannot use a prefix of ${bytes.length} bytes: a key has at most ${MAX_KEY_BYTES}`);
  }
  return bytes;
}

function isUnder(prefixes: readonly Uint8Array[], { bytes, start, length }: ByteRange): boolean {
  for (let i = 0; i < prefixes.length; i++) {
    const prefix = prefixes[i]!, end = prefix.length;
    if (end > length) continue;
    let at = 0;
    while (at < end && bytes[start + at] === prefix[at]) at++;
    if (at === end) return true;
  }
  return false;
}

function beginsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return prefix.length <= bytes.length && prefix.every((byte, i) => bytes[i] === byte);
}
