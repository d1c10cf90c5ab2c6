/**
 * The keys of stored entries, as the index asks about them.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";
import type { Arena } from "./arena.ts";
import { HEADER_BYTES, keyLength } from "./entry.ts";
import { hashBytes, type HashSeed } from "./key_hash.ts";
import { type KeyReader, taggable } from "./key_index.ts";

const BYTES_PER_WORD = 4;

/** Reads keys where they lie. */
export class EntryKeys implements KeyReader {
  readonly #arena: Arena;
  readonly #seed: HashSeed;

  constructor(arena: Arena, seed: HashSeed) {
    this.#arena = arena;
    this.#seed = seed;
  }

  matches(address: number, key: ByteRange): boolean {
    const { words, bytes } = this.#arena.segmentOf(address);
    const at = this.#arena.wordOf(address);
    const length = key.length;
    if (keyLength(words, at) !== length) return false;
    const stored = at * BYTES_PER_WORD + HEADER_BYTES;
    const given = key.bytes, start = key.start;
    for (let i = 0; i < length; i++) if (bytes[stored + i] !== given[start + i]) return false;
    return true;
  }

  hashOf(address: number): number {
    const { words, bytes } = this.#arena.segmentOf(address);
    const at = this.#arena.wordOf(address);
    return taggable(
      hashBytes(bytes, at * BYTES_PER_WORD + HEADER_BYTES, keyLength(words, at), this.#seed[0], this.#seed[1]),
    );
  }
}
