/** Pins the sizes that memory and speed depend on, so that a change of one is a decision. */

import { assert, assertEquals } from "@std/assert";
import { ByteRange, utf8 } from "../../lib/bytes.ts";
import { Arena, Stream } from "../../lib/storage/arena.ts";
import { BUCKET_BYTES, firstAddress, firstTag, linkWord, SLOTS } from "../../lib/storage/buckets.ts";
import { Engine } from "../../lib/storage/engine.ts";
import {
  entryBytes,
  expiryMs,
  flipMark,
  hasExpiry,
  HEADER_BYTES,
  isDead,
  keyLength,
  mark,
  markDead,
  POLICY_LINKS_BYTES,
  policyByte,
  setExpiryAndVersion,
  setLengths,
  setPolicyByte,
  UNIT_BYTES,
  valueLength,
  version,
} from "../../lib/storage/entry.ts";

Deno.test("an entry's header has 28 bytes, and entries start at multiples of 8", () => {
  assertEquals(HEADER_BYTES, 28);
  assertEquals(UNIT_BYTES, 8);
  assertEquals(entryBytes(HEADER_BYTES, 0, 0), 32);
  assertEquals(entryBytes(HEADER_BYTES, 16, 100), 144);
  assertEquals(entryBytes(HEADER_BYTES, 1, 3), 32);
  assertEquals(entryBytes(HEADER_BYTES, 1, 4), 40);
  assertEquals(entryBytes(HEADER_BYTES + POLICY_LINKS_BYTES, 16, 100), 152);
});

Deno.test("a bucket is one cache line of ten slots", () => {
  assertEquals(BUCKET_BYTES, 64);
  assertEquals(SLOTS, 10);
  assertEquals([firstTag(1) * 2, firstAddress(1) * 4, linkWord(1) * 4], [64, 64 + 20, 64 + 60]);
});

Deno.test("every field of a header keeps its bits apart from the others", () => {
  const words = new Int32Array(16);
  const at = 3;
  const largest = 2 ** 48 - 1;
  for (const [expiry, change] of [[0, 1], [1, largest], [largest, 1], [2 ** 32, 2 ** 32 + 1], [2 ** 40 + 5, 77]]) {
    setLengths(words, at, 65_535, 512 * 1024 * 1024, 1);
    setPolicyByte(words, at, 255);
    setExpiryAndVersion(words, at, expiry!, change!);
    assertEquals(keyLength(words, at), 65_535);
    assertEquals(valueLength(words, at), 512 * 1024 * 1024);
    assertEquals(expiryMs(words, at), expiry);
    assertEquals(hasExpiry(words, at), expiry !== 0);
    assertEquals(version(words, at), change);
    assertEquals(policyByte(words, at), 255);
    assertEquals(mark(words, at), 1);
    flipMark(words, at);
    assertEquals(mark(words, at), 0);
    assertEquals(isDead(words, at), false);
    markDead(words, at);
    assertEquals(isDead(words, at), true);
    flipMark(words, at);
    assertEquals([mark(words, at), isDead(words, at)], [1, true]);
    assertEquals([keyLength(words, at), policyByte(words, at)], [65_535, 255]);
  }
  assertEquals([...words.subarray(0, at), ...words.subarray(at + 5)].every((word) => word === 0), true);
});

Deno.test("an arena's addresses are positive 31-bit integers that lead back to their segments", () => {
  const arena = new Arena(4096);
  const seen = new Set<number>();
  for (let i = 0; i < 500; i++) {
    const sizeBytes = 32 + i % 60 * 8;
    const address = arena.allocate(sizeBytes, Stream.FIRST);
    assertEquals(address > 0 && address === (address | 0), true);
    assertEquals(seen.has(address), false);
    seen.add(address);
    const segment = arena.segmentOf(address);
    assertEquals(arena.addressOf(segment, arena.wordOf(address) * 4), address);
  }
});

Deno.test("a million small entries cost less than 40 bytes each beyond key and value", () => {
  const engine = new Engine();
  const key = new Uint8Array(16), value = ByteRange.of(utf8("v".repeat(100)));
  const view = new DataView(key.buffer);
  for (let i = 0; i < 1_000_000; i++) {
    view.setUint32(0, i);
    engine.set(ByteRange.of(key), value, 60_000);
  }
  const { memoryBytes } = engine.stats();
  assert(memoryBytes / 1_000_000 - 116 <= 40, `${memoryBytes / 1_000_000 - 116} bytes`);
  assert(memoryBytes <= 160_000_000);
});
