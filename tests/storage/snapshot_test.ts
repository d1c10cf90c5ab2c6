/** Snapshots: all entries as they were at one moment, whatever happens while they are given. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { binaryText, ByteRange, utf8 } from "../../lib/bytes.ts";
import { Engine } from "../../lib/storage/engine.ts";
import type { Snapshot } from "../../lib/storage/snapshots.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { withSeed } from "../support/random.ts";
import { LOADS, RandomChanges } from "../support/random_changes.ts";
import { bytes, read, text } from "../support/ranges.ts";
import { assertSame, GivenEntries, type ToldContent, ToldEntries } from "../support/told_entries.ts";

const CHANGES_PER_RUN = 15_000;
/** Bytes of one step, and what one entry may have beyond. */
const MAX_STEP_BYTES = 256 * 1024;

function finish(snapshot: Snapshot): void {
  while (snapshot.step(1_000));
}

/** The values given, by their keys. */
function valuesOf(given: GivenEntries): Record<string, string> {
  return Object.fromEntries([...given.entries].map(([name, { value }]) => [name, value]));
}

for (const load of LOADS) {
  Deno.test(`a snapshot is what was there when it began, under random changes: ${load.name}`, () => {
    withSeed((random) => {
      const clock = new FakeClock({ nowMs: 7_654_321.25 });
      const engine = new Engine({ ...load.engine, clock }), told = new ToldEntries();
      engine.journal = told;
      const changes = new RandomChanges(engine, clock, random, load);
      let given = new GivenEntries(), expected: ToldContent = new Map(), snapshot: Snapshot | undefined;
      const met = { completed: 0, aborted: 0, entries: 0 };
      for (let i = 1; i <= CHANGES_PER_RUN; i++) {
        changes.rest();
        changes.change();
        if (snapshot === undefined) {
          if (random.below(100) > 0) continue;
          given = new GivenEntries();
          expected = told.living(clock);
          snapshot = engine.beginSnapshot(given);
        } else if (random.below(400) === 0) {
          snapshot.abort();
          snapshot = undefined;
          met.aborted++;
        } else if (random.below(4) === 0 && !snapshot.step(1 + random.below(20))) {
          assertSame(given.entries, expected);
          engine.verify();
          snapshot = undefined;
          met.completed++;
          met.entries += expected.size;
        }
        if (i % 5_000 === 0) engine.verify();
      }
      assert(met.completed > 5 && met.aborted > 0 && met.entries > 1_000, JSON.stringify(met));
    });
  });
}

Deno.test("beginSnapshot() gives keys, values and expiries on the clock's scale, of an empty engine nothing", () => {
  const clock = new FakeClock({ nowMs: 1_000.5 });
  const engine = new Engine({ clock });
  const none = new GivenEntries();
  finish(engine.beginSnapshot(none));
  assertEquals(none.entries.size, 0);
  engine.set(text("k"), text("v"), 0);
  engine.set(text("with a ttl"), text(""), 500);
  clock.advance(100);
  const given = new GivenEntries();
  finish(engine.beginSnapshot(given));
  assertEquals([...given.entries].sort(), [
    ["k", { value: "v", expiryMs: 0 }],
    ["with a ttl", { value: "", expiryMs: 1_501 }],
  ]);
});

Deno.test("an entry that changes is given before, in every way in which it can change", () => {
  const clock = new FakeClock();
  const engine = new Engine({ clock });
  const names = [
    "set",
    "grown",
    "swap",
    "cas",
    "delete",
    "take",
    "touch",
    "getAndTouch",
    "expire",
    "increment",
    "append",
  ];
  names.push("setRange", "update", "rename", "renamed over", "clear 1", "clear 2", "left alone");
  const before = Object.fromEntries(names.map((name) => [name, name === "increment" ? "7" : `old ${name}`]));
  for (const name of names) engine.set(text(name), text(before[name]!), name === "expire" ? 100 : 0);
  const given = new GivenEntries(), found = new ByteRange();
  const snapshot = engine.beginSnapshot(given);
  engine.set(text("new"), text("new"), 0);
  engine.set(text("set"), text("new set"), 0);
  engine.set(text("grown"), bytes(500), 0);
  engine.swap(text("swap"), text("new"), 0, found);
  engine.compareAndSet(text("cas"), engine.version(text("cas")), text("new"), 0);
  engine.delete(text("delete"));
  engine.take(text("take"), found);
  engine.touch(text("touch"), 1_000);
  engine.getAndTouch(text("getAndTouch"), 1_000, found);
  clock.advance(300);
  engine.tidy(100);
  engine.increment(text("increment"), 1, 0);
  engine.append(text("append"), text("tail"));
  engine.setRange(text("setRange"), 1, text("ld"));
  engine.update(text("update"), text("new update"));
  engine.rename(text("rename"), text("renamed over"));
  engine.clear(utf8("clear"));
  assertEquals(given.entries.size, names.length - 1);
  finish(snapshot);
  assertEquals(valuesOf(given), before);
  assertEquals(new Set([...given.entries.values()].map(({ expiryMs }) => expiryMs)), new Set([0, 100]));
  engine.verify();
});

Deno.test("what had expired, or was being cleared, when a snapshot began is not given, whatever becomes of it", async () => {
  const clock = new FakeClock();
  const engine = new Engine({ clock });
  for (let i = 0; i < 5_000; i++) engine.set(text(`cleared ${i}`), text("v"), 0);
  engine.set(text("expired"), text("v"), 100);
  engine.set(text("written over"), text("v"), 100);
  engine.set(text("later"), text("v"), 101);
  clock.advance(100);
  const cleared = engine.clear(utf8("cleared"));
  engine.set(text("cleared 7"), text("written after"), 0);
  const given = new GivenEntries();
  const snapshot = engine.beginSnapshot(given);
  engine.set(text("written over"), text("new"), 0);
  engine.set(text("cleared 8"), text("new"), 0);
  // A CLEAR that comes now takes nothing away from it.
  const clearedNext = engine.clear(utf8(""));
  clock.advance(1_000);
  while (engine.tidy(100));
  finish(snapshot);
  assertEquals(valuesOf(given), { later: "v", "cleared 7": "written after" });
  assertEquals([await cleared, await clearedNext], [5_000, 4]);
  engine.verify();
});

Deno.test("a snapshot survives growth from nothing to 50,000 entries and back while it is given", () => {
  const engine = new Engine({ clock: new FakeClock() });
  const before: Record<string, string> = {};
  for (let i = 0; i < 2_000; i++) {
    before[`old ${i}`] = `v${i}`;
    engine.set(text(`old ${i}`), text(`v${i}`), 0);
  }
  const given = new GivenEntries();
  const snapshot = engine.beginSnapshot(given);
  snapshot.step(300);
  for (let i = 0; i < 50_000; i++) engine.set(text(`new ${i}`), text("v"), 0);
  snapshot.step(300);
  for (let i = 0; i < 50_000; i++) engine.delete(text(`new ${i}`));
  for (let i = 0; i < 100; i++) engine.tidy(1_000);
  finish(snapshot);
  assertEquals(valuesOf(given), before);
  engine.verify();
});

Deno.test("the second snapshot and the hundredth hold what the first would have", () => {
  const engine = new Engine({ clock: new FakeClock() });
  for (let round = 0; round < 100; round++) {
    engine.set(text(`key ${round}`), text("v"), 0);
    const given = new GivenEntries();
    finish(engine.beginSnapshot(given));
    assertEquals(given.entries.size, round + 1);
  }
  engine.verify();
});

Deno.test("abort() ends the giving at once, and the next snapshot is whole, be it begun now or later", () => {
  for (const isTidied of [false, true]) {
    const engine = new Engine({ clock: new FakeClock() });
    for (let i = 0; i < 1_000; i++) engine.set(text(`key ${i}`), text("v"), 0);
    const aborted = new GivenEntries();
    const first = engine.beginSnapshot(aborted);
    first.step(100);
    first.abort();
    const { size } = aborted.entries;
    assert(size > 50 && size < 200, `${size} were given`);
    engine.delete(text("key 1"));
    assertEquals(first.step(100), false);
    assertEquals(aborted.entries.size, size);
    if (isTidied) {
      assertEquals(engine.tidy(10), true, "the walk has to be ended");
      while (engine.tidy(100));
    }
    engine.verify();
    const given = new GivenEntries();
    const second = engine.beginSnapshot(given);
    first.abort();
    finish(second);
    assertEquals(given.entries.size, 999);
    engine.verify();
  }
});

Deno.test("beginSnapshot() throws while another snapshot is under way", () => {
  const engine = new Engine();
  engine.set(text("k"), text("v"), 0);
  const snapshot = engine.beginSnapshot(new GivenEntries());
  assertThrows(() => engine.beginSnapshot(new GivenEntries()), Error, "another one is under way");
  snapshot.abort();
  finish(engine.beginSnapshot(new GivenEntries()));
});

Deno.test("step() gives about as many entries as it is told, and no more than 256 KiB beside the last", () => {
  const engine = new Engine({ clock: new FakeClock() });
  for (let i = 0; i < 20_000; i++) engine.set(text(`small ${i}`), text("v"), 0);
  for (let i = 0; i < 300; i++) engine.set(text(`large ${i}`), bytes(100_000), 0);
  let givenBytes = 0, givenEntries = 0;
  const snapshot = engine.beginSnapshot({
    add(key, value) {
      givenBytes += key.length + value.length;
      givenEntries++;
    },
  });
  let steps = 0, total = 0;
  for (let hasMore = true; hasMore; steps++) {
    hasMore = snapshot.step(100);
    // A bucket is visited as a whole: ten entries, a few more where it overflows.
    assert(givenEntries <= 160, `one step gave ${givenEntries} entries`);
    assert(givenBytes < MAX_STEP_BYTES + 110_000, `one step gave ${givenBytes} bytes`);
    total += givenEntries;
    givenBytes = givenEntries = 0;
  }
  assertEquals(total, 20_300);
  assert(steps < 700, `${steps} steps`);
});

Deno.test("a snapshot of many empty buckets goes in bounded steps too", () => {
  const engine = new Engine({ clock: new FakeClock() });
  for (let i = 0; i < 50_000; i++) engine.set(text(`key ${i}`), text("v"), 0);
  for (let i = 0; i < 49_990; i++) engine.delete(text(`key ${i}`));
  const given = new GivenEntries();
  const snapshot = engine.beginSnapshot(given);
  let steps = 1;
  while (snapshot.step(10)) steps++;
  assert(steps >= 3, `${steps} steps`);
  assertEquals([...given.entries.keys()].every((name) => name.startsWith("key 4999")), true);
  assertEquals(given.entries.size, 10);
});

Deno.test("changes that are replayed or taken back while a snapshot is under way are none of it either", () => {
  const engine = new Engine({ clock: new FakeClock() });
  for (let i = 0; i < 10; i++) engine.set(text(`key ${i}`), text("old"), 0);
  const given = new GivenEntries();
  const snapshot = engine.beginSnapshot(given);
  engine.replay.put(text("key 0"), text("new"), 0);
  engine.replay.remove(text("key 1"));
  engine.replay.expiry(text("key 2"), 5_000);
  engine.replay.rename(text("key 3"), text("key 4"));
  engine.replay.takeBack(text("key 5"), bytes(100), 0);
  engine.replay.takeBack(text("key 6"), undefined, 0);
  finish(snapshot);
  assertEquals([...given.entries].map(([name]) => name).sort(), Array.from({ length: 10 }, (_, i) => `key ${i}`));
  assert([...given.entries.values()].every(({ value, expiryMs }) => value === "old" && expiryMs === 0));
  assertEquals(read(engine, "key 5"), binaryText(new Uint8Array(100)));
  engine.verify();
});
