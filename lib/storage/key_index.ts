/**
 * Finds the address of a key's entry: a hash table by linear hashing (Litwin, VLDB 1980) with buckets of one cache
 * line. It holds no keys; a hit in the 16-bit tags is confirmed against the entry itself.
 *
 * With `level` L and `split` s there are 2^L + s buckets: bucket b < s of the lower 2^L has been split, so that its
 * entries lie in b and b + 2^L by bit L of their hash. Growth starts at a load of 0.8 and then splits two buckets with
 * every insertion until the level is complete; shrinking merges them in the same way. So no operation waits for more
 * than two splits, and every entry is in exactly one place at any time.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";
import { BucketRow, firstAddress, firstTag, linkWord, SLOTS } from "./buckets.ts";

/** What the index asks about the entries behind its addresses. */
export interface KeyReader {
  /** Whether the entry at this address has this key. */
  matches(address: number, key: ByteRange): boolean;
  /** The hash of the entry's key, as given to {@linkcode KeyIndex.insert}. */
  hashOf(address: number): number;
}

const INITIAL_LEVEL = 4;
/** Entries per bucket at which growth begins: load 0.8 of ten slots. */
const GROW_ENTRIES_PER_BUCKET = 8;
/** Entries per bucket below which shrinking begins: load 0.2, far from the 0.4 that growth leaves behind. */
const SHRINK_ENTRIES_PER_BUCKET = 2;
const SPLITS_PER_INSERTION = 2;
/**
 * Buckets, overflow included, beyond which two chains are not merged: CLEAR empties the index from one end, and to
 * shrink by its size alone would drive what is left together into chains of a thousand entries.
 */
const MAX_MERGED_BUCKETS = 5;
const HASH_BITS = 32;
/** From this bit on, the bits of a hash are in its tag. */
const TAG_SHIFT = 16;

/** Addresses by key. */
export class KeyIndex {
  /** How many addresses it holds. */
  size = 0;
  /** The most buckets that a key has had to be looked for in since the index last grew. */
  longestChain = 1;

  readonly #keys: KeyReader;
  readonly #buckets = new BucketRow();
  readonly #overflow = new BucketRow();
  /** Overflow buckets ever made, counting the unused number 0. */
  #overflowCount = 1;
  /** First of the list of free overflow buckets, linked by their links. */
  #freeOverflow = 0;
  #level = INITIAL_LEVEL;
  #split = 0;
  #growing = false;
  /** Overflow buckets that are part of a chain. */
  #overflowUsed = 0;
  /** A chain on its way from one bucket to others; kept so that a split allocates nothing. */
  readonly #movedTags: number[] = [];
  readonly #movedAddresses: number[] = [];

  constructor(keys: KeyReader) {
    this.#keys = keys;
    this.#buckets.resize(1 << INITIAL_LEVEL);
  }

  /** Bytes taken from the system. */
  get bytes(): number {
    return this.#buckets.bytes + this.#overflow.bytes;
  }

  /** The address of the entry with this key, or 0. */
  find(hash: number, key: ByteRange): number {
    const tag = hash >>> TAG_SHIFT;
    let row = this.#buckets;
    let bucket = this.#bucketOf(hash);
    do {
      const { tags, words } = row.chunkOf(bucket);
      const tagAt = firstTag(bucket);
      for (let slot = 0; slot < SLOTS; slot++) {
        if (tags[tagAt + slot] === tag) {
          const address = words[firstAddress(bucket) + slot]!;
          if (this.#keys.matches(address, key)) return address;
        }
      }
      bucket = words[linkWord(bucket)]!;
      row = this.#overflow;
    } while (bucket !== 0);
    return 0;
  }

  /** Adds an address whose key is not there yet. `hash` must have a non-zero high half ({@linkcode taggable}). */
  insert(hash: number, address: number): void {
    this.#append(this.#bucketOf(hash), hash >>> TAG_SHIFT, address);
    this.size++;
    if (this.size > GROW_ENTRIES_PER_BUCKET << this.#level) this.#growing = true;
    for (let i = 0; this.#growing && i < SPLITS_PER_INSERTION; i++) this.#splitNext();
  }

  /** Puts another address in the place of one that is there: the entry was moved or written anew. */
  replace(hash: number, oldAddress: number, newAddress: number): void {
    let row = this.#buckets;
    let bucket = this.#bucketOf(hash);
    do {
      const { words } = row.chunkOf(bucket);
      const addressAt = firstAddress(bucket);
      for (let slot = 0; slot < SLOTS; slot++) {
        if (words[addressAt + slot] === oldAddress) {
          words[addressAt + slot] = newAddress;
          return;
        }
      }
      bucket = words[linkWord(bucket)]!;
      row = this.#overflow;
    } while (bucket !== 0);
    throw new Error(`Cannot replace address ${oldAddress}: it is not in the index`);
  }

  /** Removes an address that is there. */
  remove(hash: number, address: number): void {
    this.#removeFromChain(this.#bucketOf(hash), address);
    this.size--;
    this.shrink(1);
  }

  /**
   * Shrinks by some buckets if the index is nearly empty: a removal does one, and may leave more to do.
   *
   * @returns whether there is more to do
   */
  shrink(maxBuckets: number): boolean {
    for (let i = 0; i < maxBuckets; i++) {
      if (this.size >= SHRINK_ENTRIES_PER_BUCKET << this.#level) return false;
      this.#growing = false;
      if (!this.#mergeLast()) return false;
    }
    return true;
  }

  /**
   * Visits the addresses of one bucket, in the order of a walk that survives growth: buckets stand in the order of
   * their numbers' bits reversed, so that the two halves of a split bucket stand where it stood, and a position is a
   * place between reversed hashes. Every address that is in the index from the first call to the last is visited at
   * least once.
   *
   * @param position 0 to begin, then what the last call returned
   * @returns the next position, 0 at the end
   */
  scan(position: number, visit: (address: number) => void): number {
    const bucket = this.#bucketOf(reverseBits(position));
    const bits = this.#level + (bucket < this.#split || bucket >= 1 << this.#level ? 1 : 0);
    for (const { address } of this.#chain(bucket)) visit(address);
    // The reversed hashes of a bucket of so many bits are the range of 2^(32 - bits) from its reversed number on.
    const next = reverseBits(bucket) + 2 ** (HASH_BITS - bits);
    return next >= 2 ** HASH_BITS ? 0 : next;
  }

  /** Some address of the bucket that a random number falls into, 0 if that is empty. */
  addressAt(random: number): number {
    const chain = [...this.#chain(this.#bucketOf(random))];
    return chain.length === 0 ? 0 : chain[(random >>> TAG_SHIFT) % chain.length]!.address;
  }

  /** Addresses for each slot there is: 0.2 to 0.85 but for small ones. */
  get load(): number {
    return this.size / (this.#bucketCount() * SLOTS);
  }

  /** Every address with the number of its bucket: for checking. */
  *entries(): Generator<{ bucket: number; tag: number; address: number }> {
    for (let bucket = 0; bucket < this.#bucketCount(); bucket++) {
      for (const { tag, address } of this.#chain(bucket)) yield { bucket, tag, address };
    }
  }

  /** The bucket in which entries with this hash lie. */
  bucketOf(hash: number): number {
    return this.#bucketOf(hash);
  }

  #bucketCount(): number {
    return (1 << this.#level) + this.#split;
  }

  #bucketOf(hash: number): number {
    const size = 1 << this.#level;
    const bucket = hash & size - 1;
    return bucket < this.#split ? hash & (size << 1) - 1 : bucket;
  }

  /** Puts an address into the first empty slot of a bucket's chain; slots fill from the front, without gaps. */
  #append(bucket: number, tag: number, address: number): void {
    let row = this.#buckets;
    for (let chainLength = 1;; chainLength++) {
      if (chainLength > this.longestChain) this.longestChain = chainLength;
      const { tags, words } = row.chunkOf(bucket);
      const tagAt = firstTag(bucket);
      for (let slot = 0; slot < SLOTS; slot++) {
        if (tags[tagAt + slot] === 0) {
          tags[tagAt + slot] = tag;
          words[firstAddress(bucket) + slot] = address;
          return;
        }
      }
      const link = linkWord(bucket);
      if (words[link] === 0) words[link] = this.#takeOverflow();
      bucket = words[link]!;
      row = this.#overflow;
    }
  }

  /** Takes an address out and moves the chain's last one into its slot, so that no gap stays. */
  #removeFromChain(bucket: number, address: number): void {
    let holeTags: Uint16Array | undefined, holeWords: Int32Array | undefined;
    let holeTag = 0, holeWord = 0;
    let row = this.#buckets;
    let linkWords: Int32Array | undefined, link = 0;
    for (;;) {
      const { tags, words } = row.chunkOf(bucket);
      const tagAt = firstTag(bucket), addressAt = firstAddress(bucket);
      let filled = 0;
      for (; filled < SLOTS && tags[tagAt + filled] !== 0; filled++) {
        if (words[addressAt + filled] === address) {
          holeTags = tags, holeWords = words, holeTag = tagAt + filled, holeWord = addressAt + filled;
        }
      }
      const next = words[linkWord(bucket)]!;
      if (next !== 0) {
        linkWords = words, link = linkWord(bucket);
        bucket = next;
        row = this.#overflow;
        continue;
      }
      if (holeTags === undefined || holeWords === undefined) {
        throw new Error(`Cannot remove address ${address}: it is not in the index`);
      }
      const last = filled - 1;
      holeTags[holeTag] = tags[tagAt + last]!;
      holeWords[holeWord] = words[addressAt + last]!;
      tags[tagAt + last] = 0;
      words[addressAt + last] = 0;
      if (last === 0 && linkWords !== undefined) {
        linkWords[link] = 0;
        this.#giveOverflow(bucket);
      }
      return;
    }
  }

  /** Splits the next bucket of this level in two by one more bit of the hashes. */
  #splitNext(): void {
    const source = this.#split;
    const bit = this.#level;
    this.#takeChain(source);
    this.#buckets.resize(this.#bucketCount() + 1);
    this.#split++;
    for (let i = 0; i < this.#movedTags.length; i++) {
      const tag = this.#movedTags[i]!, address = this.#movedAddresses[i]!;
      const hash = bit >= TAG_SHIFT ? tag << TAG_SHIFT : this.#keys.hashOf(address);
      this.#append((hash >>> bit & 1) === 0 ? source : source + (1 << bit), tag, address);
    }
    if (this.#split === 1 << this.#level) {
      this.#level++;
      this.#split = 0;
      this.#growing = false;
      this.longestChain = 1;
    }
  }

  /** Takes the last bucket back into the one it was split from. Returns whether it could. */
  #mergeLast(): boolean {
    const level = this.#split === 0 ? this.#level - 1 : this.#level;
    if (level < INITIAL_LEVEL) return false;
    const last = this.#bucketCount() - 1, target = last - (1 << level);
    if (this.#chainBuckets(last) + this.#chainBuckets(target) > MAX_MERGED_BUCKETS) return false;
    this.#level = level;
    this.#split = target;
    this.#takeChain(last);
    for (let i = 0; i < this.#movedTags.length; i++) {
      this.#append(target, this.#movedTags[i]!, this.#movedAddresses[i]!);
    }
    this.#buckets.resize(last);
    return true;
  }

  #chainBuckets(bucket: number): number {
    let count = 1;
    let link = this.#buckets.chunkOf(bucket).words[linkWord(bucket)]!;
    for (; link !== 0; count++) link = this.#overflow.chunkOf(link).words[linkWord(link)]!;
    return count;
  }

  /** Empties a bucket and its overflow buckets into `#movedTags` and `#movedAddresses`. */
  #takeChain(bucket: number): void {
    this.#movedTags.length = this.#movedAddresses.length = 0;
    let row = this.#buckets;
    for (let isOverflow = false;; isOverflow = true) {
      const { tags, words } = row.chunkOf(bucket);
      const tagAt = firstTag(bucket), addressAt = firstAddress(bucket), link = linkWord(bucket);
      for (let slot = 0; slot < SLOTS && tags[tagAt + slot] !== 0; slot++) {
        this.#movedTags.push(tags[tagAt + slot]!);
        this.#movedAddresses.push(words[addressAt + slot]!);
        tags[tagAt + slot] = 0;
        words[addressAt + slot] = 0;
      }
      const next = words[link]!;
      words[link] = 0;
      if (isOverflow) this.#giveOverflow(bucket);
      if (next === 0) return;
      bucket = next;
      row = this.#overflow;
    }
  }

  *#chain(bucket: number): Generator<{ tag: number; address: number }> {
    let row = this.#buckets;
    do {
      const { tags, words } = row.chunkOf(bucket);
      const tagAt = firstTag(bucket), addressAt = firstAddress(bucket);
      for (let slot = 0; slot < SLOTS && tags[tagAt + slot] !== 0; slot++) {
        yield { tag: tags[tagAt + slot]!, address: words[addressAt + slot]! };
      }
      bucket = words[linkWord(bucket)]!;
      row = this.#overflow;
    } while (bucket !== 0);
  }

  #takeOverflow(): number {
    this.#overflowUsed++;
    const free = this.#freeOverflow;
    if (free !== 0) {
      const { words } = this.#overflow.chunkOf(free);
      this.#freeOverflow = words[linkWord(free)]!;
      words[linkWord(free)] = 0;
      return free;
    }
    this.#overflow.resize(this.#overflowCount + 1);
    return this.#overflowCount++;
  }

  #giveOverflow(bucket: number): void {
    this.#overflowUsed--;
    this.#overflow.chunkOf(bucket).words[linkWord(bucket)] = this.#freeOverflow;
    this.#freeOverflow = bucket;
    if (this.#overflowUsed > 0) return;
    this.#overflow.resize(0);
    this.#overflowCount = 1;
    this.#freeOverflow = 0;
  }
}

/** Makes a hash fit for the index: its high half is the tag, and a tag of 0 means an empty slot. */
export function taggable(hash: number): number {
  return hash >>> TAG_SHIFT === 0 ? hash | 1 << TAG_SHIFT : hash;
}

/** The 32 bits of a number in reverse, unsigned. */
function reverseBits(value: number): number {
  let bits = value;
  bits = bits >>> 1 & 0x5555_5555 | (bits & 0x5555_5555) << 1;
  bits = bits >>> 2 & 0x3333_3333 | (bits & 0x3333_3333) << 2;
  bits = bits >>> 4 & 0x0f0f_0f0f | (bits & 0x0f0f_0f0f) << 4;
  bits = bits >>> 8 & 0x00ff_00ff | (bits & 0x00ff_00ff) << 8;
  return (bits >>> 16 | bits << 16) >>> 0;
}
