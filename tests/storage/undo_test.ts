/** Changes that are taken back: what was told before each of them leads back to where the engine was. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ByteRange, utf8 } from "../../lib/bytes.ts";
import { CryptomemError } from "../../lib/errors.ts";
import { Engine, type EngineOptions } from "../../lib/storage/engine.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { bytes, codeOf, present, read, text } from "../support/ranges.ts";
import { assertHolds, TakenBack, ToldEntries } from "../support/told_entries.ts";

const MIB = 1024 * 1024;

function undoing(
  options: EngineOptions = {},
): { engine: Engine; told: ToldEntries; undo: TakenBack; clock: FakeClock } {
  const clock = new FakeClock({ nowMs: 1_000 });
  const engine = new Engine({ clock, ...options });
  const told = new ToldEntries(), undo = new TakenBack(engine);
  told.undo = undo;
  engine.journal = told;
  return { engine, told, undo, clock };
}

Deno.test("every kind of change is taken back, to the value and to the millisecond", () => {
  const { engine, told, undo, clock } = undoing();
  const found = new ByteRange();
  for (let i = 0; i < 10; i++) engine.set(text(`key ${i}`), text(`value ${i}`), i % 3 * 100_000);
  engine.set(text("count"), text("41"), 500);
  undo.settle();
  const before = new Map(told.entries);
  engine.set(text("new"), text("v"), 0);
  engine.set(text("key 0"), text("of another size"), 50);
  engine.swap(text("key 0"), text("once more"), 0, found);
  engine.append(text("key 1"), text("tail"));
  engine.setRange(text("key 2"), 2, text("x"));
  engine.increment(text("count"), 1, 0);
  engine.touch(text("key 3"), 1_000);
  engine.touch(text("key 3"), 90_000);
  engine.getAndTouch(text("key 4"), 0, found);
  engine.rename(text("key 5"), text("key 6"));
  engine.rename(text("key 6"), text("renamed"));
  engine.delete(text("key 7"));
  engine.take(text("key 8"), found);
  engine.add(text("key 8"), text("added"), 0);
  undo.takeBack();
  assertHolds(engine, before, clock);
  engine.verify();
});

Deno.test("what was evicted for a change comes back with it, and nothing else goes", () => {
  for (const policy of ["s3-fifo", "lru", "lfu", "ttl", "random"] as const) {
    const { engine, told, undo, clock } = undoing({ maxMemoryBytes: MIB, policy });
    for (let i = 0; i < 2_000; i++) engine.set(text(`key ${i}`), bytes(500, i & 255), 1_000_000);
    undo.settle();
    const before = new Map(told.entries), { evicted } = engine.stats();
    for (let i = 0; i < 100; i++) engine.set(text(`other ${i}`), bytes(5_000), 0);
    assert(engine.stats().evicted > evicted + 300, policy);
    undo.takeBack();
    told.entries = before;
    assertHolds(engine, before, clock);
    engine.set(text("key 1"), bytes(500), 0);
    engine.verify();
  }
});

Deno.test("with policy none a deleted entry comes back although memory was full", () => {
  const { engine, told, undo, clock } = undoing({ maxMemoryBytes: MIB, policy: "none" });
  for (let i = 0; codeOf(() => engine.set(text(`key ${i}`), bytes(500), 0)) === undefined; i++);
  undo.settle();
  const before = new Map(told.entries);
  for (let i = 0; i < 50; i++) engine.delete(text(`key ${i * 7}`));
  undo.takeBack();
  assertHolds(engine, before, clock);
  assertEquals(codeOf(() => engine.set(text("one more"), bytes(500), 0)), "OUT_OF_MEMORY");
});

Deno.test("an entry that was touched, expired and was swept is back when the touch is taken back", () => {
  const { engine, told, undo, clock } = undoing();
  engine.set(text("k"), text("v"), 0);
  undo.settle();
  const before = new Map(told.entries);
  engine.touch(text("k"), 10);
  clock.advance(1_000);
  while (engine.tidy(10));
  assertEquals(engine.stats().entries, 0);
  undo.takeBack();
  assertHolds(engine, before, clock);
});

Deno.test("an entry that was over when a change began is none that comes back", () => {
  const { engine, undo, clock } = undoing();
  engine.set(text("k"), text("v"), 10);
  undo.settle();
  clock.advance(10);
  engine.set(text("k"), text("new"), 0);
  undo.takeBack();
  assertEquals(engine.stats().entries, 0);
});

Deno.test("a CLEAR that can be taken back hides its entries at once, and lets them go when it is released", async () => {
  const { engine, undo } = undoing();
  for (let i = 0; i < 5_000; i++) engine.set(text(`key ${i}`), text("v"), 0);
  undo.settle();
  const cleared = engine.clear(utf8("key"));
  engine.set(text("key 1"), text("new"), 0);
  assertEquals([read(engine, "key 1"), read(engine, "key 2")], ["new", undefined]);
  while (engine.tidy(100));
  assertEquals(engine.stats().entries, 5_000, "all are still there");
  let asked = 0;
  engine.onWork = () => asked++;
  undo.settle();
  assertEquals(asked, 1);
  while (engine.tidy(100));
  assertEquals([await cleared, engine.stats().entries], [5_000, 1]);
  engine.verify();
});

Deno.test("a CLEAR that is taken back leaves everything as it was, what was written over it included", async () => {
  const { engine, told, undo, clock } = undoing();
  for (let i = 0; i < 3_000; i++) engine.set(text(`a:${i}`), text(`v${i}`), i % 2 * 100_000);
  engine.set(text("b"), text("b"), 0);
  undo.settle();
  const before = new Map(told.entries);
  engine.set(text("a:0"), text("before"), 0);
  const first = engine.clear(utf8("a:1"));
  engine.set(text("a:10"), text("same"), 0);
  engine.set(text("a:11"), bytes(500), 0);
  engine.delete(text("a:12"));
  engine.rename(text("b"), text("a:13"));
  const second = engine.clear(utf8(""));
  engine.set(text("a:11"), text("after"), 0);
  engine.tidy(100);
  assertEquals(present(engine, before.keys()), ["a:11"]);
  undo.takeBack();
  assertHolds(engine, before, clock);
  for (const cleared of [first, second]) {
    const error = await assertRejects(() => cleared, CryptomemError);
    assertEquals(error.code, "STORAGE");
  }
  engine.verify();
  while (engine.tidy(100));
  assertHolds(engine, before, clock);
});

Deno.test("a CLEAR within a group is carried out in its place", async () => {
  const { engine, told, undo, clock } = undoing();
  engine.set(text("old"), text("v"), 0);
  undo.settle();
  let cleared: Promise<number> | undefined;
  engine.atomically(() => {
    engine.set(text("before"), text("v"), 0);
    cleared = engine.clear(utf8(""));
    engine.set(text("after"), text("v"), 0);
  });
  assertEquals(told.told.slice(1), ["begin 0", "put before v 0", "clear ", "put after v 0", "end"]);
  undo.settle();
  assertEquals(await cleared, 2);
  assertHolds(engine, told.living(clock), clock);
});
