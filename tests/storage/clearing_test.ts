/** CLEAR: gone for everybody at once, taken away piece by piece. No janitor here: a test says when a piece is done. */

import { assert, assertEquals } from "@std/assert";
import { ByteRange, utf8 } from "../../lib/bytes.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { bytes, codeOf, read, text, textIn } from "../support/ranges.ts";

/** More than a CLEAR does before it lets others in. */
const MANY = 20_000;

/** An engine with many entries under `a:`, numbers among them, and a few under `b:`. */
function filled(engine: Engine = new Engine({ clock: new FakeClock() }), ttlMs: number = 0): Engine {
  for (let i = 0; i < MANY; i++) engine.set(text(`a:${i}`), text(String(i)), ttlMs);
  for (let i = 0; i < 100; i++) engine.set(text(`b:${i}`), text("b"), 0);
  return engine;
}

async function settle<Result>(engine: Engine, cleared: Promise<Result>): Promise<Result> {
  while (engine.tidy(1_000));
  return await cleared;
}

function countUnder(engine: Engine, prefix: string): number {
  let count = 0;
  for (let cursor = 0, isFirst = true; isFirst || cursor !== 0; isFirst = false) {
    cursor = engine.scan(cursor, 1_000, utf8(prefix), () => count++);
  }
  return count;
}

Deno.test("clear() hides what it covers from everybody at once, before most of it is removed", async () => {
  const engine = filled();
  const cleared = engine.clear(utf8("a:"));
  assert(engine.stats().entries > MANY / 2, "most of it is still there");
  const found = new ByteRange();
  const key = (i: number) => text(`a:${i}`);
  for (let i = 0; i < MANY; i += 97) {
    assertEquals(engine.get(key(i), found), false);
    assertEquals(engine.getVersioned(key(i), found), 0);
    assertEquals(engine.getAndTouch(key(i), 1_000, found), false);
    assertEquals(engine.exists(key(i)), false);
    assertEquals(engine.ttlMs(key(i)), -2);
    assertEquals(engine.touch(key(i), 1_000), false);
    assertEquals(engine.replace(key(i), text("x"), 0), false);
    assertEquals(engine.take(key(i + 1), found), false);
    assertEquals(engine.delete(key(i + 2)), false);
  }
  assertEquals(countUnder(engine, "a:"), 0);
  assertEquals(countUnder(engine, "b:"), 100);
  assertEquals(read(engine, "b:7"), "b");
  assertEquals(await settle(engine, cleared), MANY, "whoever came first to an entry, it is counted");
  assertEquals(engine.stats().entries, 100);
  engine.verify();
});

Deno.test("what is written after clear() stays, also under a key that it covered", async () => {
  const engine = filled();
  const cleared = engine.clear(utf8("a:"));
  const found = new ByteRange();
  engine.set(text("a:1000"), text("1000"), 0);
  engine.set(text("a:1001"), bytes(50, 0x78), 0);
  assertEquals(engine.increment(text("a:1002"), 5, 0), 5);
  assertEquals(engine.append(text("a:1003"), text("tail")), 4);
  assertEquals(engine.setRange(text("a:1004"), 2, text("x")), 3);
  assertEquals(engine.add(text("a:1005"), text("added"), 0), true);
  assertEquals(engine.swap(text("a:1006"), text("swapped"), 0, found), false);
  assert(engine.compareAndSet(text("a:1007"), 0, text("compared"), 0) > 0);
  engine.set(text("a:new"), text("new"), 0);
  const expected = ["1000", "x".repeat(50), "5", "tail", "\0\0x", "added", "swapped", "compared", "new"];
  const names = [1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, "new"].map((name) => `a:${name}`);
  assertEquals(names.map((name) => read(engine, name)), expected);
  assertEquals(countUnder(engine, "a:"), names.length);
  assertEquals(await settle(engine, cleared), MANY);
  assertEquals(names.map((name) => read(engine, name)), expected);
  assertEquals(engine.stats().entries, 100 + names.length);
  engine.verify();
});

Deno.test("clear() counts what was there when it was called: not the expired, but what expires meanwhile", async () => {
  const clock = new FakeClock();
  const engine = new Engine({ clock });
  for (let i = 0; i < MANY; i++) engine.set(text(`over ${i}`), text("v"), 1_000);
  clock.advance(1_000);
  filled(engine, 5_000);
  const cleared = engine.clear(utf8(""));
  clock.advance(10_000);
  assertEquals(await settle(engine, cleared), MANY + 100);
  assertEquals(engine.stats().entries, 0);
  engine.verify();
});

Deno.test("two clear() calls may overlap: each entry counts for the first that covers it", async () => {
  const engine = filled();
  const first = engine.clear(utf8("a:1"));
  engine.set(text("a:1"), text("written between"), 0);
  engine.set(text("a:10000"), text("written between"), 0);
  const second = engine.clear(utf8("a:"));
  engine.set(text("a:2"), text("written after"), 0);
  const third = engine.clear(utf8("nothing"));
  let ones = 0;
  for (let i = 0; i < MANY; i++) if (String(i).startsWith("1")) ones++;
  assertEquals(countUnder(engine, ""), 101);
  assertEquals(await settle(engine, Promise.all([first, second, third])), [ones, MANY - ones + 2, 0]);
  assertEquals(read(engine, "a:2"), "written after");
  assertEquals(engine.stats().entries, 101);
  engine.verify();
});

Deno.test("clear() of a few entries is done at once, with no janitor", async () => {
  const engine = new Engine();
  for (let i = 0; i < 100; i++) engine.set(text(`key ${i}`), text("v"), 0);
  assertEquals(await engine.clear(utf8("key 1")), 11);
  assertEquals(await engine.clear(utf8("no such prefix")), 0);
  assertEquals(await engine.clear(utf8("")), 89);
  assertEquals(engine.stats().entries, 0);
});

Deno.test("clear() keeps its own copy of the prefix", async () => {
  const engine = filled();
  const prefix = utf8("a:");
  const cleared = engine.clear(prefix);
  prefix.fill(0x62);
  assertEquals(await settle(engine, cleared), MANY);
  assertEquals(countUnder(engine, "b"), 100);
});

Deno.test("clear() of 200,000 entries goes in pieces, and asks for somebody to do them", async () => {
  const engine = new Engine();
  for (let i = 0; i < 200_000; i++) engine.set(text(`key ${i}`), text("v"), 0);
  let asked = 0;
  engine.onWork = () => asked++;
  const cleared = engine.clear(utf8("key"));
  assertEquals(asked, 1);
  let before = 200_000, pieces = 0;
  for (let hasMore = true, bound = 2_000; hasMore; bound = 100) {
    const { entries } = engine.stats();
    // It takes whole chains: the index must not shrink to its size while its one end is empty and its other full.
    assert(before - entries <= bound + 60, `one piece removed ${before - entries} entries`);
    before = entries;
    hasMore = engine.tidy(100);
    pieces++;
  }
  assert(pieces > 1_000);
  assertEquals(await cleared, 200_000);
  const { entries, indexBytes } = engine.stats();
  assertEquals(entries, 0);
  assert(indexBytes <= 2 * 64 * 1024, `the index has shrunk in the end: ${indexBytes} bytes`);
  engine.verify();
});

Deno.test("writes, expiry and eviction go on while clear() is under way, and its count stays right", async () => {
  const clock = new FakeClock();
  for (const policy of ["s3-fifo", "lru", "lfu", "ttl", "random"] as const) {
    const engine = new Engine({ clock, maxMemoryBytes: 2 * 1024 * 1024, policy });
    filled(engine, 1_000_000);
    const covered = countUnder(engine, "a:");
    const cleared = engine.clear(utf8("a:"));
    for (let i = 0; i < 5_000; i++) {
      assertEquals(codeOf(() => engine.set(text(`a:${i * 3}`), text(`after ${i}`), 1_000_000)), undefined);
      if (i % 100 === 0) engine.tidy(20);
    }
    assertEquals(await settle(engine, cleared), covered, policy);
    engine.scan(0, 100_000, utf8("a:"), (key) => assert(read(engine, textIn(key))?.startsWith("after")));
    engine.verify();
  }
});
