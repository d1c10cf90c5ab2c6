/**
 * Memory for entries: fixed segments that are filled from front to back, and a buffer of its own for each entry too
 * large for that ("jumbo"). The arena gives and takes back byte ranges; it knows no keys and no expiry.
 *
 * An address is one positive 31-bit integer, so that V8 never boxes it:
 *
 * ```
 * segment  id (1 to 16,379) << 17 | offset in units of 8 bytes     up to 16 GiB
 * jumbo    16,380 << 17     +  id (0 to 524,287)                   each up to a value's limit
 * 0        no entry
 * ```
 *
 * Segments are filled in one of two streams, so that a policy can keep what is new apart from what has proved itself;
 * within a stream they are in the order of time.
 *
 * Nothing is moved here. A freed range stays dead until its segment is empty, by itself or because somebody took the
 * segment and moved the rest away (mover.ts); then it is used anew or given back to the system.
 *
 * @module
 */

import { CryptomemError } from "../errors.ts";

/** Size of a segment unless a test wants smaller ones. */
export const DEFAULT_SEGMENT_BYTES = 1024 * 1024;

const UNIT_BITS = 17;
const UNIT_MASK = (1 << UNIT_BITS) - 1;
const UNIT_SHIFT = 3;
const WORDS_PER_UNIT_SHIFT = 1;
const FIRST_JUMBO_SEGMENT = 16_380;
const JUMBO_BASE = FIRST_JUMBO_SEGMENT * (1 << UNIT_BITS);
const MAX_JUMBOS = 4 * (1 << UNIT_BITS);
/**
 * A segment's unused tail is shorter than the largest entry that goes into segments, so this bounds what tails waste:
 * 1/16 at worst, 1/32 on average, less for small entries.
 */
const JUMBO_FRACTION = 16;
/** Empty segments kept for the next writes instead of being given back: spares the system calls under churn. */
const MAX_SPARE_SEGMENTS = 2;

/** What a segment is for at the moment. */
export const SegmentState = {
  /** Empty, kept for the next need. */
  SPARE: 0,
  /** The one its stream is filling. */
  ACTIVE: 1,
  /** Full. */
  SEALED: 2,
  /** Being emptied by who took it. */
  TAKEN: 3,
  /** Holds one large entry. */
  JUMBO: 4,
} as const;
/** One of the numbers of {@linkcode SegmentState}. */
export type SegmentState = typeof SegmentState[keyof typeof SegmentState];

/** Where new ranges are put: two rows of segments that never mix. */
export const Stream = { FIRST: 0, SECOND: 1 } as const;
/** One of the numbers of {@linkcode Stream}. */
export type Stream = typeof Stream[keyof typeof Stream];

/** One buffer, seen as bytes and as the words of the headers in it. */
export class Segment {
  readonly id: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Int32Array<ArrayBuffer>;
  state: SegmentState;
  stream: Stream = Stream.FIRST;
  /** Counts the segments of an arena in the order in which they began to be filled. */
  sequence = 0;
  /** Bytes handed out since it was last empty; the next range starts here. */
  usedBytes = 0;
  /** Bytes of `usedBytes` that were not freed. */
  liveBytes = 0;

  constructor(id: number, sizeBytes: number, state: SegmentState) {
    const buffer = new ArrayBuffer(sizeBytes);
    this.id = id;
    this.bytes = new Uint8Array(buffer);
    this.words = new Int32Array(buffer);
    this.state = state;
  }
}

/** Hands out and takes back ranges of memory. */
export class Arena {
  readonly segmentBytes: number;
  /** Bytes in ranges that are handed out. */
  liveBytes = 0;
  /** Bytes taken from the system. */
  takenBytes = 0;
  /** Bytes of sealed segments that are not live: what compaction can win back. */
  reclaimableBytes = 0;
  /** How many segments have begun to be filled so far. */
  sequence = 0;

  /** By id; id 0 is never used, so that no address is 0. */
  readonly #segments: (Segment | undefined)[] = [undefined];
  readonly #freeSegmentIds: number[] = [];
  readonly #jumbos: (Segment | undefined)[] = [];
  readonly #freeJumboIds: number[] = [];
  readonly #spares: Segment[] = [];
  /** The segment that each stream is filling; a stream has none before its first range. */
  readonly #active: (Segment | undefined)[] = [undefined, undefined];

  /** @param segmentBytes a power of two, at least 1 KiB and at most {@linkcode DEFAULT_SEGMENT_BYTES} */
  constructor(segmentBytes: number = DEFAULT_SEGMENT_BYTES) {
    this.segmentBytes = segmentBytes;
  }

  /** The segment that holds the entry at an address. */
  segmentOf(address: number): Segment {
    return address >= JUMBO_BASE ? this.#jumbos[address - JUMBO_BASE]! : this.#segments[address >>> UNIT_BITS]!;
  }

  /** Index of an address' first word in its segment's `words`. */
  wordOf(address: number): number {
    return address >= JUMBO_BASE ? 0 : (address & UNIT_MASK) << WORDS_PER_UNIT_SHIFT;
  }

  /** Bytes that {@linkcode allocate} would have to take from the system for a range of this size. */
  neededBytes(sizeBytes: number, stream: Stream): number {
    if (this.isJumbo(sizeBytes)) return sizeBytes;
    const active = this.#active[stream];
    const fits = active !== undefined && active.usedBytes + sizeBytes <= this.segmentBytes;
    return fits || this.#spares.length > 0 ? 0 : this.segmentBytes;
  }

  /** Whether an entry of this size gets a buffer of its own. */
  isJumbo(sizeBytes: number): boolean {
    return sizeBytes > this.segmentBytes / JUMBO_FRACTION;
  }

  /**
   * Hands out a range.
   *
   * @param sizeBytes a multiple of 8
   * @returns its address
   * @throws CryptomemError `OUT_OF_MEMORY` when the system or the address space has no more
   */
  allocate(sizeBytes: number, stream: Stream): number {
    if (this.isJumbo(sizeBytes)) return this.#allocateJumbo(sizeBytes);
    let segment = this.#active[stream];
    if (segment === undefined || segment.usedBytes + sizeBytes > this.segmentBytes) segment = this.#activate(stream);
    const offset = segment.usedBytes;
    segment.usedBytes = offset + sizeBytes;
    segment.liveBytes += sizeBytes;
    this.liveBytes += sizeBytes;
    return segment.id << UNIT_BITS | offset >>> UNIT_SHIFT;
  }

  /** Takes back a range of the size it was handed out with. */
  free(address: number, sizeBytes: number): void {
    const segment = this.segmentOf(address);
    segment.liveBytes -= sizeBytes;
    this.liveBytes -= sizeBytes;
    if (segment.state === SegmentState.JUMBO) this.#releaseJumbo(segment);
    else if (segment.state === SegmentState.SEALED) {
      this.reclaimableBytes += sizeBytes;
      if (segment.liveBytes === 0) this.recycle(segment);
    } else if (segment.state === SegmentState.ACTIVE && segment.liveBytes === 0) segment.usedBytes = 0;
  }

  /**
   * The sealed segment with the least that is alive. It leaves the sealed ones: the caller empties and recycles it.
   *
   * At most 16,379 segments are looked at, once for each MiB that is moved: cheaper than an order kept at every free().
   */
  takeEmptiest(): Segment | undefined {
    let emptiest: Segment | undefined;
    for (const segment of this.#segments) {
      if (segment?.state !== SegmentState.SEALED) continue;
      if (emptiest === undefined || segment.liveBytes < emptiest.liveBytes) emptiest = segment;
    }
    return this.#taken(emptiest);
  }

  /**
   * The oldest segment of a stream, also one that is still being filled if there is no other; to be emptied and
   * recycled by the caller. `undefined` if the stream holds nothing.
   */
  takeOldest(stream: Stream): Segment | undefined {
    let oldest: Segment | undefined;
    for (const segment of this.#segments) {
      if (segment?.state !== SegmentState.SEALED || segment.stream !== stream) continue;
      if (oldest === undefined || segment.sequence < oldest.sequence) oldest = segment;
    }
    const active = this.#active[stream];
    if (oldest === undefined && active !== undefined && active.liveBytes > 0) {
      this.#active[stream] = undefined;
      this.#seal(active);
      oldest = active;
    }
    return this.#taken(oldest);
  }

  /** Gives one spare segment back to the system. Returns whether there was one. */
  releaseSpare(): boolean {
    const spare = this.#spares.pop();
    if (spare === undefined) return false;
    this.#releaseSegment(spare);
    return true;
  }

  /** Makes an empty segment available again. */
  recycle(segment: Segment): void {
    if (segment.state === SegmentState.SEALED) this.reclaimableBytes -= this.segmentBytes;
    segment.usedBytes = 0;
    if (this.#spares.length < MAX_SPARE_SEGMENTS) {
      segment.state = SegmentState.SPARE;
      this.#spares.push(segment);
      return;
    }
    this.#releaseSegment(segment);
  }

  /** Every segment that holds entries or could, jumbos included: for counting and checking. */
  *segments(): Generator<Segment> {
    for (const segment of this.#segments) if (segment !== undefined) yield segment;
    for (const segment of this.#jumbos) if (segment !== undefined) yield segment;
  }

  /** The address of the range at an offset of a segment. */
  addressOf(segment: Segment, offsetBytes: number): number {
    return segment.state === SegmentState.JUMBO
      ? JUMBO_BASE + segment.id
      : segment.id << UNIT_BITS | offsetBytes >>> UNIT_SHIFT;
  }

  #activate(stream: Stream): Segment {
    const segment = this.#spares.pop() ?? this.#takeSegment();
    const full = this.#active[stream];
    if (full !== undefined) this.#seal(full);
    segment.state = SegmentState.ACTIVE;
    segment.stream = stream;
    segment.sequence = ++this.sequence;
    return this.#active[stream] = segment;
  }

  #seal(segment: Segment): void {
    segment.state = SegmentState.SEALED;
    this.reclaimableBytes += this.segmentBytes - segment.liveBytes;
    if (segment.liveBytes === 0) this.recycle(segment);
  }

  #taken(segment: Segment | undefined): Segment | undefined {
    if (segment !== undefined) {
      segment.state = SegmentState.TAKEN;
      this.reclaimableBytes -= this.segmentBytes - segment.liveBytes;
    }
    return segment;
  }

  #takeSegment(): Segment {
    const id = this.#freeSegmentIds.at(-1) ?? this.#segments.length;
    if (id >= FIRST_JUMBO_SEGMENT) throw outOfMemory("all 16 GiB of segments are in use");
    const segment = takeFromSystem(id, this.segmentBytes, SegmentState.SPARE);
    this.#freeSegmentIds.pop();
    this.#segments[id] = segment;
    this.takenBytes += this.segmentBytes;
    return segment;
  }

  #releaseSegment(segment: Segment): void {
    this.#segments[segment.id] = undefined;
    this.#freeSegmentIds.push(segment.id);
    this.#release(segment);
  }

  #allocateJumbo(sizeBytes: number): number {
    const id = this.#freeJumboIds.at(-1) ?? this.#jumbos.length;
    if (id >= MAX_JUMBOS) throw outOfMemory(`there are already ${MAX_JUMBOS} large entries`);
    const segment = takeFromSystem(id, sizeBytes, SegmentState.JUMBO);
    this.#freeJumboIds.pop();
    segment.usedBytes = segment.liveBytes = sizeBytes;
    this.#jumbos[id] = segment;
    this.takenBytes += sizeBytes;
    this.liveBytes += sizeBytes;
    return JUMBO_BASE + id;
  }

  #releaseJumbo(segment: Segment): void {
    this.#jumbos[segment.id] = undefined;
    this.#freeJumboIds.push(segment.id);
    this.#release(segment);
  }

  /** Gives memory back at once: a buffer that is merely dropped stays until the garbage collector comes by. */
  #release(segment: Segment): void {
    this.takenBytes -= segment.bytes.length;
    segment.bytes.buffer.transfer(0);
  }
}

function takeFromSystem(id: number, sizeBytes: number, state: SegmentState): Segment {
  try {
    return new Segment(id, sizeBytes, state);
  } catch {
    throw outOfMemory(`the system gives no ${sizeBytes} bytes more`);
  }
}

function outOfMemory(state: string): CryptomemError {
  return new CryptomemError("OUT_OF_MEMORY", `Cannot store the entry: ${state}`);
}
