/**
 * Checks that the engine's structures agree. A test that ends with it finds the broken link at once rather than the
 * wrong answer it leads to much later.
 *
 * @module
 */

import { envelopeKeyId } from "../crypto/envelope_header.ts";
import { MAX_COUNTED_KEY_IDS } from "../limits.ts";
import { type Arena, type Segment, SegmentState } from "./arena.ts";
import type { Entries } from "./entries.ts";
import { hasExpiry, isDead, keyLength, mark, previousInList, valueLength, version } from "./entry.ts";
import type { EvictionPolicy } from "./eviction/policy.ts";
import type { KeyIndex } from "./key_index.ts";
import type { Snapshots } from "./snapshots.ts";
import type { EntryCount, SealingStats, StoreStats } from "./store.ts";
import type { TimingWheel } from "./timing_wheel.ts";

const BYTES_PER_WORD = 4;

/** The parts of an engine that must agree. */
export interface EngineParts {
  readonly arena: Arena;
  readonly entries: Entries;
  readonly index: KeyIndex;
  readonly wheel: TimingWheel;
  readonly policy: EvictionPolicy;
  readonly snapshots: Snapshots;
  readonly stats: StoreStats;
  readonly sealing: SealingStats;
}

/** Throws Error at the first disagreement. */
export function verifyParts(parts: EngineParts): void {
  const living = verifySegments(parts);
  verifyIndex(parts, living);
  verifyWheel(parts, living);
  verifyPolicy(parts, living);
  verifySealing(parts, living);
  verifyMarks(parts, living);
}

/** Walks all entries, compares the counts, and returns the addresses of the living ones. */
function verifySegments({ arena, entries, stats }: EngineParts): Set<number> {
  const living = new Set<number>();
  let keyBytes = 0, valueBytes = 0, liveBytes = 0, takenBytes = 0, reclaimableBytes = 0;
  for (const segment of arena.segments()) {
    let liveHere = 0;
    for (const offset of entryOffsets(segment, entries)) {
      const at = offset / BYTES_PER_WORD;
      if (isDead(segment.words, at)) continue;
      living.add(arena.addressOf(segment, offset));
      expect(version(segment.words, at) > 0, "an entry's version is 0");
      keyBytes += keyLength(segment.words, at);
      valueBytes += valueLength(segment.words, at);
      liveHere += entries.sizeAt(segment.words, at);
    }
    expect(segment.state !== SegmentState.JUMBO || liveHere > 0, `large entry ${segment.id} has gone, its buffer not`);
    expectEqual(segment.liveBytes, liveHere, `live bytes of segment ${segment.id}`);
    liveBytes += liveHere;
    takenBytes += segment.bytes.length;
    if (segment.state === SegmentState.SEALED) reclaimableBytes += arena.segmentBytes - liveHere;
  }
  expectEqual(arena.takenBytes, takenBytes, "bytes taken from the system");
  expectEqual(arena.reclaimableBytes, reclaimableBytes, "reclaimable bytes");
  expectEqual(stats.keyBytes + stats.valueBytes + stats.overheadBytes, liveBytes, "live bytes");
  expectEqual(stats.segmentBytes - stats.freeBytes, liveBytes, "bytes that are not free");
  expect(stats.memoryBytes <= stats.maxMemoryBytes, `${stats.memoryBytes} bytes are over the limit`);
  expectEqual(stats.keyBytes, keyBytes, "bytes of keys");
  expectEqual(stats.valueBytes, valueBytes, "bytes of values");
  expectEqual(stats.entries, living.size, "entries");
  return living;
}

function* entryOffsets(segment: Segment, entries: Entries): Generator<number> {
  if (segment.state === SegmentState.SPARE) return;
  for (let offset = 0; offset < segment.usedBytes;) {
    yield offset;
    offset += entries.sizeAt(segment.words, offset / BYTES_PER_WORD);
    expect(offset <= segment.bytes.length, `an entry leaves segment ${segment.id}`);
  }
}

/** Every living entry stands in the index exactly once, in the bucket and with the tag of its hash. */
function verifyIndex({ index, entries }: EngineParts, living: Set<number>): void {
  const seen = new Set<number>();
  for (const { bucket, tag, address } of index.entries()) {
    expect(living.has(address), `the index names ${address}, where no entry lives`);
    expect(!seen.has(address), `the index names ${address} twice`);
    seen.add(address);
    const hash = entries.hashOf(address);
    expectEqual(tag, hash >>> 16, `tag of ${address}`);
    expectEqual(bucket, index.bucketOf(hash), `bucket of ${address}`);
  }
  expectEqual(seen.size, living.size, "entries in the index");
  expectEqual(index.size, living.size, "size of the index");
}

/** Exactly the entries with an expiry are filed, and each names the one before it. */
function verifyWheel({ arena, wheel }: EngineParts, living: Set<number>): void {
  let previous = 0;
  let filed = 0;
  for (const address of wheel.addresses()) {
    expect(living.has(address), `the wheel names ${address}, where no entry lives`);
    const { words } = arena.segmentOf(address), at = arena.wordOf(address);
    expect(hasExpiry(words, at), `the wheel names ${address}, which has no expiry`);
    const before = previousInList(words, at);
    expect(before < 0 || before === previous, `${address} names ${before} before it, not ${previous}`);
    previous = address;
    filed++;
  }
  let expiring = 0;
  for (const address of living) {
    if (hasExpiry(arena.segmentOf(address).words, arena.wordOf(address))) expiring++;
  }
  expectEqual(filed, expiring, "entries in the wheel");
  expectEqual(wheel.size, expiring, "size of the wheel");
}

/** A policy's lists, if it keeps any, hold every living entry exactly once. */
function verifyPolicy({ policy }: EngineParts, living: Set<number>): void {
  const listed = policy.listed();
  if (listed === undefined) return;
  const seen = new Set<number>();
  for (const address of listed) {
    expect(living.has(address), `policy ${policy.name} lists ${address}, where no entry lives`);
    expect(!seen.has(address), `policy ${policy.name} lists ${address} twice`);
    seen.add(address);
  }
  expectEqual(seen.size, living.size, `entries listed by policy ${policy.name}`);
}

/** Every entry is counted under the key it was sealed with, and ids without counts of their own together. */
function verifySealing({ arena, entries, sealing }: EngineParts, living: Set<number>): void {
  const counted = new Map<number, { entries: number; bytes: number }>();
  for (const address of living) {
    const { words, bytes } = arena.segmentOf(address), at = arena.wordOf(address);
    const length = valueLength(words, at);
    const id = envelopeKeyId(bytes, entries.keyStart(at) + keyLength(words, at), length);
    const count = counted.get(id) ?? { entries: 0, bytes: 0 };
    counted.set(id, { entries: count.entries + 1, bytes: count.bytes + length });
  }
  expectCount(sealing.unsealed, counted.get(-1), "unsealed");
  counted.delete(-1);
  expect(sealing.keys.length <= MAX_COUNTED_KEY_IDS, `${sealing.keys.length} key ids have counts of their own`);
  for (const key of sealing.keys) {
    expect(key.entries > 0, `key ${key.id} is counted though there is no entry of it`);
    expectCount(key, counted.get(key.id), `of key ${key.id}`);
    counted.delete(key.id);
  }
  const others = { entries: 0, bytes: 0 };
  for (const { entries, bytes } of counted.values()) {
    others.entries += entries;
    others.bytes += bytes;
  }
  expectCount(sealing.otherKeys, others, "of other keys");
}

/** While no snapshot is under way, all entries have the current mark. */
function verifyMarks({ arena, snapshots }: EngineParts, living: Set<number>): void {
  if (!snapshots.isSettled) return;
  for (const address of living) {
    const marked = mark(arena.segmentOf(address).words, arena.wordOf(address));
    expectEqual(marked, snapshots.mark, `the snapshots' mark of ${address}`);
  }
}

function expectCount(kept: EntryCount, counted: EntryCount | undefined, which: string): void {
  expectEqual(kept.entries, counted?.entries ?? 0, `entries ${which}`);
  expectEqual(kept.bytes, counted?.bytes ?? 0, `bytes of values ${which}`);
}

function expectEqual(actual: number, expected: number, what: string): void {
  expect(actual === expected, `${what}: counted ${expected}, kept ${actual}`);
}

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`Cannot trust the engine: ${what}`);
}
