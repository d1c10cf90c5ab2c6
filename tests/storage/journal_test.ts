/** What an engine tells its journal, and how the journal may refuse. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { ByteRange, utf8 } from "../../lib/bytes.ts";
import { Engine, type EngineOptions } from "../../lib/storage/engine.ts";
import { POLICY_NAMES } from "../../lib/storage/eviction/policy.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { bytes, codeOf, present, read, text } from "../support/ranges.ts";
import { assertHolds, ToldEntries } from "../support/told_entries.ts";

const MIB = 1024 * 1024;
const START_MS = 5_000;

function journaled(options: EngineOptions = {}): { engine: Engine; journal: ToldEntries; clock: FakeClock } {
  const clock = new FakeClock({ nowMs: START_MS });
  const engine = new Engine({ clock, ...options });
  const journal = new ToldEntries();
  engine.journal = journal;
  return { engine, journal, clock };
}

/** What is told while something runs. */
function toldBy(journal: ToldEntries, run: () => void): string[] {
  const before = journal.told.length;
  run();
  return journal.told.slice(before);
}

Deno.test("each change is told once, with the whole new value and the expiry on the engine's clock", () => {
  const { engine, journal } = journaled();
  const found = new ByteRange();
  const changes: [() => void, string[]][] = [
    [() => engine.set(text("k"), text("1"), 0), ["put k 1 0"]],
    [() => engine.set(text("k"), text("2"), 100), ["put k 2 5100"]],
    [() => engine.add(text("new"), text("v"), 0), ["put new v 0"]],
    [() => engine.replace(text("k"), text("3"), 200), ["put k 3 5200"]],
    [() => engine.swap(text("k"), text("4"), 0, found), ["put k 4 0"]],
    [() => engine.compareAndSet(text("k"), engine.version(text("k")), text("5"), 300), ["put k 5 5300"]],
    [() => engine.increment(text("k"), 7, 0), ["put k 12 5300"]],
    [() => engine.increment(text("k"), 1_000_000_000, 0), ["put k 1000000012 5300"]],
    [() => engine.increment(text("count"), 1, 50), ["put count 1 5050"]],
    [() => engine.append(text("k"), text("!")), ["put k 1000000012! 5300"]],
    [() => engine.setRange(text("k"), 1, text("234")), ["put k 1234000012! 5300"]],
    [() => engine.update(text("k"), text("6")), ["put k 6 5300"]],
    [() => engine.touch(text("k"), 400), ["expiry k 5400"]],
    [() => engine.getAndTouch(text("k"), 0, found), ["expiry k 0"]],
    [() => engine.rename(text("k"), text("new")), ["rename k new"]],
    [() => engine.take(text("new"), found), ["remove new"]],
    [() => engine.delete(text("count")), ["remove count"]],
  ];
  for (const [change, told] of changes) assertEquals(toldBy(journal, change), told, String(change));
});

Deno.test("what changes nothing is not told", () => {
  const { engine, journal } = journaled();
  const found = new ByteRange();
  engine.set(text("k"), text("text"), 0);
  engine.set(text("with a ttl"), text("v"), 100);
  const told = toldBy(journal, () => {
    engine.get(text("k"), found);
    engine.add(text("k"), text("v"), 0);
    engine.replace(text("none"), text("v"), 0);
    engine.take(text("none"), found);
    engine.delete(text("none"));
    engine.touch(text("none"), 100);
    engine.getAndTouch(text("none"), 100, found);
    engine.compareAndSet(text("k"), 999, text("v"), 0);
    engine.rename(text("none"), text("k"));
    engine.rename(text("k"), text("k"));
    engine.touch(text("k"), 0);
    engine.touch(text("with a ttl"), 100);
    assertEquals(codeOf(() => engine.increment(text("k"), 1, 0)), "NOT_INTEGER");
    engine.admit(text("other"));
    engine.reserve(10, 100);
    engine.tidy(100);
  });
  assertEquals(told, []);
});

Deno.test("an entry that expires is told when it goes; one that is written over before then is not", () => {
  const { engine, journal, clock } = journaled();
  for (const name of ["swept", "set", "deleted", "renamed over", "left"]) engine.set(text(name), text("v"), 100);
  engine.set(text("k"), text("v"), 0);
  clock.advance(100);
  const told = toldBy(journal, () => {
    assertEquals(read(engine, "swept"), undefined);
    engine.set(text("set"), text("new"), 0);
    assertEquals(engine.delete(text("deleted")), false);
    engine.rename(text("k"), text("renamed over"));
  });
  assertEquals(told, ["put set new 0", "remove deleted", "rename k renamed over"]);
  clock.advance(100);
  assertEquals(toldBy(journal, () => engine.tidy(1_000)).sort(), ["remove left", "remove swept"]);
});

Deno.test("what is evicted is told before the change that it makes room for", () => {
  for (const policy of POLICY_NAMES.filter((name) => name !== "none")) {
    const { engine, journal, clock } = journaled({ maxMemoryBytes: MIB, policy });
    for (let i = 0; i < 3_000; i++) {
      const told = toldBy(journal, () => engine.set(text(`key ${i}`), bytes(500), 1_000_000));
      assertEquals(told.pop()?.split(" ").slice(0, 3), ["put", "key", String(i)]);
      assert(told.every((words) => words.startsWith("remove key")), String(told));
    }
    assert(engine.stats().evicted > 1_000);
    assertHolds(engine, journal.living(clock), clock);
  }
});

Deno.test("a CLEAR is told once, before, and nothing of the entries that go by it", async () => {
  const { engine, journal, clock } = journaled();
  for (let i = 0; i < 3_000; i++) engine.set(text(`a:${i}`), text("v"), i % 2 * 100);
  let cleared: Promise<number> | undefined;
  assertEquals(toldBy(journal, () => cleared = engine.clear(utf8("a:"))), ["clear a:"]);
  const told = toldBy(journal, () => {
    engine.set(text("a:7"), text("new"), 0);
    engine.delete(text("a:8"));
    clock.advance(1_000);
    while (engine.tidy(10));
  });
  assertEquals(told, ["put a:7 new 0"]);
  assertEquals(await cleared, 3_000);
  assertHolds(engine, journal.living(clock), clock);
});

Deno.test("a renamed entry that is evicted for room under its new key is told as gone and stored", () => {
  const { engine, journal, clock } = journaled({ maxMemoryBytes: MIB, policy: "lru" });
  engine.set(text("old"), bytes(60_000, 0x78), 7_000);
  for (let i = 0; engine.stats().evicted === 0; i++) {
    read(engine, "old");
    engine.set(text(`key ${i}`), bytes(1_000), 0);
  }
  // All others are more recent than it now.
  for (let i = 0; i < 1_000; i++) read(engine, `key ${i}`);
  const told = toldBy(journal, () => assertEquals(engine.rename(text("old"), text("new")), true));
  assertEquals(told.filter((words) => words.startsWith("remove old")), ["remove old"]);
  assertEquals(told.at(-1), "put new 60000 bytes 12000");
  assertHolds(engine, journal.living(clock), clock);
});

Deno.test("rename() takes value and expiry along, replaces what is there, and tells whether there was an entry", () => {
  const { engine } = journaled();
  engine.set(text("k"), text("v"), 1_000);
  engine.set(text("other"), text("o"), 0);
  assertEquals(engine.rename(text("k"), text("other")), true);
  assertEquals([read(engine, "k"), read(engine, "other"), engine.ttlMs(text("other"))], [undefined, "v", 1_000]);
  assertEquals(engine.rename(text("other"), text("other")), true);
  assertEquals(engine.rename(text("k"), text("x")), false);
  assertEquals(engine.stats().entries, 1);
  engine.verify();
});

Deno.test("atomically() tells of a group when its first change comes, with what it is expected to come to", () => {
  const { engine, journal } = journaled();
  const told = toldBy(journal, () => {
    const result = engine.atomically(() => {
      engine.set(text("a"), text("1"), 0);
      engine.atomically(() => engine.set(text("b"), text("2"), 0), 5);
      return engine.delete(text("a"));
    }, 123);
    assertEquals(result, true);
    engine.set(text("c"), text("3"), 0);
  });
  assertEquals(told, ["begin 123", "put a 1 0", "put b 2 0", "remove a", "end", "put c 3 0"]);
  assertEquals(toldBy(journal, () => engine.atomically(() => read(engine, "b"))), []);
  const failing = () => {
    engine.atomically(() => {
      engine.delete(text("b"));
      throw new Error("in the middle");
    });
  };
  assertEquals(toldBy(journal, () => assertThrows(failing, Error, "in the middle")), ["begin 0", "remove b", "end"]);
});

Deno.test("a journal that refuses is asked before anything changes or is evicted; reads go on", () => {
  const { engine, journal, clock } = journaled({ maxMemoryBytes: MIB, policy: "lru" });
  for (let i = 0; i < 3_000; i++) engine.set(text(`key ${i}`), text(String(i).padEnd(500)), 1_000_000);
  const { evicted, entries } = engine.stats();
  const [name] = present(engine, Array.from({ length: 3_000 }, (_, i) => `key ${i}`));
  const key = text(name!), found = new ByteRange(), large = bytes(100_000);
  journal.isRefusing = true;
  const told = toldBy(journal, () => {
    const changes: (() => void)[] = [
      () => engine.set(key, large, 0),
      () => engine.add(text("new"), large, 0),
      () => engine.replace(key, large, 0),
      () => engine.swap(key, large, 0, found),
      () => engine.compareAndSet(key, engine.version(key), large, 0),
      () => engine.increment(text("new"), 1, 0),
      () => engine.append(key, large),
      () => engine.setRange(key, 0, large),
      () => engine.update(key, large),
      () => engine.delete(key),
      () => engine.delete(text("nothing there, and that is an answer to rely on")),
      () => engine.take(key, found),
      () => engine.touch(key, 5),
      () => engine.getAndTouch(key, 5, found),
      () => engine.rename(key, text("new")),
      () => engine.reserve(100, 500_000),
      () => void engine.clear(utf8("")),
      () => engine.atomically(() => engine.set(key, large, 0)),
    ];
    for (const change of changes) assertEquals(codeOf(change), "STORAGE", String(change));
  });
  assertEquals(told, []);
  assertEquals([engine.stats().evicted, engine.stats().entries], [evicted, entries]);
  assertHolds(engine, journal.living(clock), clock);
  journal.isRefusing = false;
  assertEquals(codeOf(() => engine.set(key, large, 0)), undefined);
  engine.verify();
});

Deno.test("a group that is refused begins with its next change, if that is not refused", () => {
  const { engine, journal } = journaled();
  const told = toldBy(journal, () => {
    engine.atomically(() => {
      journal.isRefusing = true;
      assertEquals(codeOf(() => engine.set(text("a"), text("1"), 0)), "STORAGE");
      journal.isRefusing = false;
      engine.set(text("b"), text("2"), 0);
    });
  });
  assertEquals(told, ["begin 0", "put b 2 0", "end"]);
});

Deno.test("a CLEAR that the journal refuses leaves all as it was", () => {
  const { engine, journal } = journaled();
  engine.set(text("k"), text("v"), 0);
  journal.isRefusingClear = true;
  assertEquals(codeOf(() => void engine.clear(utf8(""))), "STORAGE");
  assertEquals(read(engine, "k"), "v");
  engine.verify();
});

Deno.test("expiry goes on while the journal refuses: nobody has asked for it", () => {
  const { engine, journal, clock } = journaled();
  engine.set(text("k"), text("v"), 100);
  journal.isRefusing = true;
  clock.advance(200);
  assertEquals(toldBy(journal, () => engine.tidy(100)), ["remove k"]);
});

Deno.test("a journal that was taken away is told nothing more, and asked nothing", () => {
  const { engine, journal, clock } = journaled({ maxMemoryBytes: MIB });
  engine.set(text("k"), text("v"), 10);
  engine.journal = undefined;
  journal.isRefusing = true;
  const told = toldBy(journal, () => {
    for (let i = 0; i < 3_000; i++) engine.set(text(`key ${i}`), bytes(500), 0);
    clock.advance(100);
    while (engine.tidy(100));
  });
  assertEquals(told, []);
});
