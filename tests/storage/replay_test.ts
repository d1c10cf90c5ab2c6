/** Loading: entries and changes that come from elsewhere, past the journal. */

import { assert, assertEquals } from "@std/assert";
import { utf8 } from "../../lib/bytes.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { POLICY_NAMES } from "../../lib/storage/eviction/policy.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { bytes, codeOf, read, text } from "../support/ranges.ts";
import { ToldEntries } from "../support/told_entries.ts";

const MIB = 1024 * 1024;
const START_MS = 10_000;

Deno.test("replay puts entries with their expiries on the clock's scale, and tells no journal", () => {
  const clock = new FakeClock({ nowMs: START_MS });
  const engine = new Engine({ clock }), journal = new ToldEntries();
  engine.journal = journal;
  engine.replay.put(text("k"), text("v"), 0);
  engine.replay.put(text("with an expiry"), text("v"), START_MS + 70);
  engine.replay.put(text("k"), text("another"), 0);
  engine.replay.put(text("x"), text("v"), 0);
  engine.replay.rename(text("x"), text("y"));
  engine.replay.expiry(text("y"), START_MS + 80);
  engine.replay.put(text("gone"), text("v"), 0);
  engine.replay.remove(text("gone"));
  engine.replay.remove(text("never there"));
  engine.replay.expiry(text("never there"), 7);
  assertEquals(journal.told, []);
  assertEquals(["k", "with an expiry", "x", "y", "gone"].map((name) => read(engine, name)), [
    "another",
    "v",
    undefined,
    "v",
    undefined,
  ]);
  assertEquals([engine.ttlMs(text("with an expiry")), engine.ttlMs(text("y"))], [70, 80]);
  engine.verify();
});

Deno.test("what a renaming replaced is gone also where the entry itself is missing, evicted while it was loaded", () => {
  const engine = new Engine();
  engine.replay.put(text("k"), text("old"), 0);
  engine.replay.rename(text("evicted"), text("k"));
  assertEquals(engine.stats().entries, 0);
});

Deno.test("what expired long ago can be given more time, moved and replaced; in the end it is dropped", () => {
  const clock = new FakeClock({ nowMs: START_MS });
  const engine = new Engine({ clock });
  const { replay } = engine;
  for (const name of ["over", "extended", "moved", "replaced"]) replay.put(text(name), text("v"), -1_000_000);
  replay.put(text("at the start"), text("v"), START_MS);
  replay.put(text("soon"), text("v"), START_MS + 5);
  replay.put(text("later"), text("v"), START_MS + 6);
  replay.put(text("never"), text("v"), 0);
  replay.expiry(text("extended"), START_MS + 1_000);
  replay.rename(text("moved"), text("still over"));
  replay.put(text("replaced"), text("new"), 0);
  assertEquals(engine.stats().entries, 8);
  clock.advance(1);
  assertEquals(["over", "extended", "still over", "replaced"].map((name) => read(engine, name)), [
    undefined,
    "v",
    undefined,
    "new",
  ]);
  assertEquals(replay.dropExpiring(START_MS + 5), 4);
  assertEquals(["extended", "replaced", "later", "never"].map((name) => read(engine, name)), ["v", "new", "v", "v"]);
  assertEquals(replay.dropExpiring(Infinity), 2);
  assertEquals(engine.stats().entries, 2);
  engine.verify();
});

Deno.test("replay clears a prefix at once", () => {
  const engine = new Engine();
  for (let i = 0; i < 10_000; i++) engine.replay.put(text(`a:${i}`), text("v"), 0);
  engine.replay.put(text("b"), text("v"), 0);
  engine.replay.clear(utf8("a:"));
  assertEquals(engine.stats().entries, 1);
  engine.replay.put(text("a:1"), text("v"), 0);
  engine.replay.clear(utf8(""));
  assertEquals(engine.stats().entries, 0);
  engine.verify();
});

Deno.test("dropExpiring() drops a hundred thousand entries among as many others", () => {
  const clock = new FakeClock();
  const engine = new Engine({ clock });
  for (let i = 0; i < 200_000; i++) engine.replay.put(text(`key ${i}`), text("v"), i % 2 * (1 + i));
  assertEquals(engine.replay.dropExpiring(50_000), 25_000);
  assertEquals(engine.replay.dropExpiring(Infinity), 75_000);
  assertEquals([engine.stats().entries, read(engine, "key 4"), read(engine, "key 5")], [100_000, "v", undefined]);
  engine.verify();
});

Deno.test("replay keeps within the limit by the policy; the journal, if there is one, hears of what goes", () => {
  for (const policy of POLICY_NAMES) {
    const engine = new Engine({ clock: new FakeClock(), maxMemoryBytes: MIB, policy }), journal = new ToldEntries();
    engine.journal = journal;
    let refused = 0;
    for (let i = 0; i < 3_000; i++) {
      const key = text(`key ${i}`);
      // As if it had been told before.
      journal.put(key, bytes(0), 0);
      if (codeOf(() => engine.replay.put(key, bytes(500), 1_000_000)) === "OUT_OF_MEMORY") {
        refused++;
        journal.remove(key);
      }
    }
    const { entries, evicted, memoryBytes } = engine.stats();
    assert(memoryBytes <= MIB);
    assertEquals(journal.entries.size, entries, policy);
    assert(policy === "none" ? refused > 1_000 && evicted === 0 : refused === 0 && evicted > 1_000, policy);
    engine.verify();
  }
});

Deno.test("takeBack() is not refused at the limit, and the next write brings memory back under it", () => {
  for (const policy of ["lru", "none"] as const) {
    const engine = new Engine({ clock: new FakeClock(), maxMemoryBytes: MIB, policy });
    for (let i = 0; i < 3_000; i++) codeOf(() => engine.set(text(`key ${i}`), bytes(500), 0));
    for (let i = 0; i < 500; i++) engine.replay.takeBack(text(`back ${i}`), bytes(500, 7), 0);
    assert(engine.stats().memoryBytes > MIB, "this much was not there before");
    for (let i = 0; i < 500; i++) assertEquals(engine.exists(text(`back ${i}`)), true);
    const code = codeOf(() => engine.set(text("next"), bytes(500), 0));
    assertEquals(code, policy === "none" ? "OUT_OF_MEMORY" : undefined);
    assert(policy === "none" || engine.stats().memoryBytes <= MIB);
  }
});
