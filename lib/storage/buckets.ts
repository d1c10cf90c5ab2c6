/**
 * Rows of the key index: buckets of one cache line, in chunks of 64 KiB so that the index can grow and shrink without
 * ever being copied.
 *
 * ```
 * bucket, 64 bytes
 * offset size field
 * 0      20   tags: 10 × u16, the high half of an entry's hash, never 0; 0 = the slot is empty
 * 20     40   addresses: 10 × u32 (arena.ts)
 * 60     4    number of the overflow bucket that goes on from here, 0 = none
 * ```
 *
 * @module
 */

/** Slots of a bucket. */
export const SLOTS = 10;
/** Bytes of a bucket. */
export const BUCKET_BYTES = 64;

const CHUNK_BITS = 10;
const CHUNK_BUCKETS = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK_BUCKETS - 1;
const TAGS_PER_BUCKET_SHIFT = 5;
const WORDS_PER_BUCKET_SHIFT = 4;
const FIRST_ADDRESS_WORD = 5;
const LINK_WORD = 15;

/** 1,024 buckets over one buffer, as tags and as words. */
export class BucketChunk {
  readonly tags: Uint16Array<ArrayBuffer>;
  readonly words: Int32Array<ArrayBuffer>;

  constructor() {
    const buffer = new ArrayBuffer(CHUNK_BUCKETS * BUCKET_BYTES);
    this.tags = new Uint16Array(buffer);
    this.words = new Int32Array(buffer);
  }
}

/** Index of a bucket's first tag in its chunk's `tags`. */
export function firstTag(bucket: number): number {
  return (bucket & CHUNK_MASK) << TAGS_PER_BUCKET_SHIFT;
}

/** Index of a bucket's first address in its chunk's `words`. */
export function firstAddress(bucket: number): number {
  return ((bucket & CHUNK_MASK) << WORDS_PER_BUCKET_SHIFT) + FIRST_ADDRESS_WORD;
}

/** Index of a bucket's link in its chunk's `words`. */
export function linkWord(bucket: number): number {
  return ((bucket & CHUNK_MASK) << WORDS_PER_BUCKET_SHIFT) + LINK_WORD;
}

/** A row of buckets, numbered from 0, that ends where it was last told to. */
export class BucketRow {
  readonly #chunks: BucketChunk[] = [];

  /** The chunk that holds a bucket. */
  chunkOf(bucket: number): BucketChunk {
    return this.#chunks[bucket >>> CHUNK_BITS]!;
  }

  /** Makes buckets 0 to `count` - 1 exist, new ones empty, and gives back chunks that lie wholly behind them. */
  resize(count: number): void {
    const chunks = (count + CHUNK_MASK) >>> CHUNK_BITS;
    while (this.#chunks.length < chunks) this.#chunks.push(new BucketChunk());
    while (this.#chunks.length > chunks) this.#chunks.pop()!.words.buffer.transfer(0);
  }

  /** Bytes taken from the system. */
  get bytes(): number {
    return this.#chunks.length * CHUNK_BUCKETS * BUCKET_BYTES;
  }
}
