/**
 * Entries where they lie in the arena: their keys, their sizes, their state. What the other parts know of an entry
 * beyond its address goes through here or, field by field, through entry.ts.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";
import type { Arena } from "./arena.ts";
import { entryBytes, expiryMs, keyLength, valueLength, version } from "./entry.ts";
import { hashBytes, type HashSeed } from "./key_hash.ts";
import { type KeyReader, taggable } from "./key_index.ts";

const BYTES_PER_WORD = 4;

/** Reads entries in place. */
export class Entries implements KeyReader {
  /** Bytes of an entry before its key: the same for all entries of an engine. */
  readonly headerBytes: number;
  readonly #arena: Arena;
  readonly #seed: HashSeed;

  constructor(arena: Arena, seed: HashSeed, headerBytes: number) {
    this.#arena = arena;
    this.#seed = seed;
    this.headerBytes = headerBytes;
  }

  matches(address: number, key: ByteRange): boolean {
    const { words, bytes } = this.#arena.segmentOf(address);
    const at = this.#arena.wordOf(address);
    const length = key.length;
    if (keyLength(words, at) !== length) return false;
    const stored = this.keyStart(at);
    const given = key.bytes, start = key.start;
    for (let i = 0; i < length; i++) if (bytes[stored + i] !== given[start + i]) return false;
    return true;
  }

  hashOf(address: number): number {
    const { words, bytes } = this.#arena.segmentOf(address);
    const at = this.#arena.wordOf(address);
    return taggable(hashBytes(bytes, this.keyStart(at), keyLength(words, at), this.#seed[0], this.#seed[1]));
  }

  /** Where the key of the entry with this first word starts in its segment's bytes. */
  keyStart(at: number): number {
    return at * BYTES_PER_WORD + this.headerBytes;
  }

  /** Bytes that the entry with this first word takes in its segment. */
  sizeAt(words: Int32Array, at: number): number {
    return entryBytes(this.headerBytes, keyLength(words, at), valueLength(words, at));
  }

  /** When an entry expires; 0 = never. */
  expiryOf(address: number): number {
    return expiryMs(this.#arena.segmentOf(address).words, this.#arena.wordOf(address));
  }

  /** Version of an entry's value. */
  versionOf(address: number): number {
    return version(this.#arena.segmentOf(address).words, this.#arena.wordOf(address));
  }

  /** Length of an entry's value. */
  valueLengthOf(address: number): number {
    return valueLength(this.#arena.segmentOf(address).words, this.#arena.wordOf(address));
  }

  /** Points at an entry's value. */
  point(address: number, value: ByteRange): void {
    const { words, bytes } = this.#arena.segmentOf(address), at = this.#arena.wordOf(address);
    value.point(bytes, this.keyStart(at) + keyLength(words, at), valueLength(words, at));
  }

  /** Points at an entry's key. */
  pointKey(address: number, key: ByteRange): void {
    const { words, bytes } = this.#arena.segmentOf(address), at = this.#arena.wordOf(address);
    key.point(bytes, this.keyStart(at), keyLength(words, at));
  }

  /** Whether the key of an entry starts with these bytes. */
  startsWith(address: number, prefix: Uint8Array): boolean {
    const { words, bytes } = this.#arena.segmentOf(address);
    const at = this.#arena.wordOf(address);
    if (keyLength(words, at) < prefix.length) return false;
    const start = this.keyStart(at);
    for (let i = 0; i < prefix.length; i++) if (bytes[start + i] !== prefix[i]) return false;
    return true;
  }
}
