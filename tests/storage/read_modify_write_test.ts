/** What operations mean that read and write at once, where a comparison with a Map does not say it. */

import { assert, assertEquals } from "@std/assert";
import { ByteRange, utf8 } from "../../lib/bytes.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { bytes, codeOf, read, text, textIn } from "../support/ranges.ts";

Deno.test("increment() keeps the expiry that is there, and its own is for a new entry alone", () => {
  const clock = new FakeClock();
  const engine = new Engine({ clock });
  const ttlMs = () => engine.ttlMs(text("n"));
  assertEquals(engine.increment(text("n"), 5, 10_000), 5);
  clock.advance(4_000);
  assertEquals(engine.increment(text("n"), -7, 99_000), -2);
  assertEquals(ttlMs(), 6_000);
  clock.advance(6_000);
  assertEquals(engine.increment(text("n"), 1, 0), 1, "what has expired counts as 0");
  assertEquals(ttlMs(), -1);
  assertEquals(engine.increment(text("n"), 1, 5_000), 2);
  assertEquals(ttlMs(), -1, "and none stays none");
  assertEquals(read(engine, "n"), "2");
});

Deno.test("increment() by 0 stores a missing number; one that fails changes nothing, the version included", () => {
  const engine = new Engine({ clock: new FakeClock() });
  assertEquals(engine.increment(text("zero"), 0, 0), 0);
  assertEquals(read(engine, "zero"), "0");
  for (
    const [value, delta, code] of [["9223372036854775807", 1, "OVERFLOW"], ["12 monkeys", 1, "NOT_INTEGER"]] as const
  ) {
    engine.set(text("n"), text(value), 7_000);
    const version = engine.getVersioned(text("n"), new ByteRange());
    assertEquals(codeOf(() => engine.increment(text("n"), delta, 0)), code);
    assertEquals(read(engine, "n"), value);
    assertEquals(engine.ttlMs(text("n")), 7_000);
    assertEquals(engine.getVersioned(text("n"), new ByteRange()), version);
  }
  assertEquals(engine.increment(text("low"), -(2n ** 63n), 0), -(2n ** 63n));
  assertEquals(codeOf(() => engine.increment(text("low"), -1, 0)), "OVERFLOW");
  assertEquals(engine.increment(text("low"), 2n ** 63n - 1n, 0), -1);
});

Deno.test("append() and setRange() keep the expiry", () => {
  const clock = new FakeClock();
  const engine = new Engine({ clock });
  engine.set(text("k"), text("ab"), 10_000);
  clock.advance(1_000);
  assertEquals(engine.append(text("k"), text("cd")), 4);
  assertEquals(engine.setRange(text("k"), 1, text("X")), 4);
  assertEquals(engine.ttlMs(text("k")), 9_000);
  assertEquals(read(engine, "k"), "aXcd");
  clock.advance(9_000);
  assertEquals(engine.append(text("k"), text("new")), 3);
  assertEquals([read(engine, "k"), engine.ttlMs(text("k"))], ["new", -1]);
});

Deno.test("setRange() fills what lies between with zeros, whatever lay in memory before", () => {
  const engine = new Engine();
  for (const offset of [0, 1, 10, 70_000, 200_000]) {
    // Leaves other bytes in the place where values are put together.
    engine.set(text("noise"), bytes(60_000, 0xff), 0);
    engine.append(text("noise"), text("!"));
    engine.delete(text("k"));
    assertEquals(engine.setRange(text("k"), offset, text("end")), offset + 3);
    assertEquals(read(engine, "k"), "\0".repeat(offset) + "end");
  }
  engine.set(text("k"), text("0123456789"), 0);
  assertEquals(engine.setRange(text("k"), 12, text("z")), 13);
  assertEquals(engine.setRange(text("k"), 2, text("ab")), 13);
  assertEquals(engine.setRange(text("k"), 13, text("")), 13);
  assertEquals(read(engine, "k"), "01ab456789\0\0z");
});

Deno.test("compareAndSet() with version 0 stores only where nothing is; a wrong version tells the right one", () => {
  const clock = new FakeClock();
  const engine = new Engine({ clock });
  const swap = (expected: number, value: string) => engine.compareAndSet(text("k"), expected, text(value), 1_000);
  assertEquals(swap(7, "no"), 0, "nothing is there");
  const first = swap(0, "first");
  assert(first > 0);
  assertEquals(swap(0, "no"), -first);
  assertEquals(swap(first + 1, "no"), -first);
  const second = swap(first, "second");
  assert(second > first);
  assertEquals(swap(first, "no"), -second);
  clock.advance(1_000);
  assertEquals(swap(second, "no"), 0, "it has expired");
  assert(swap(0, "third") > second);
  assertEquals(read(engine, "k"), "third");
});

Deno.test("a version changes with the value, with nothing else, and never comes back to a key", () => {
  const clock = new FakeClock();
  const engine = new Engine({ clock, segmentBytes: 4096 });
  const key = text("k"), found = new ByteRange();
  const seen = new Set<number>();
  const changes: [string, () => unknown][] = [
    ["set", () => engine.set(key, text("1"), 0)],
    ["the same value in its place", () => engine.set(key, text("1"), 0)],
    ["another size", () => engine.set(key, bytes(1_000), 0)],
    ["a buffer of its own", () => engine.set(key, bytes(100_000), 0)],
    ["back among others", () => engine.set(key, text("1"), 0)],
    ["increment", () => engine.increment(key, 1, 0)],
    ["append", () => engine.append(key, text("23"))],
    ["setRange", () => engine.setRange(key, 0, text("9"))],
    ["swap", () => engine.swap(key, text("5"), 0, found)],
    ["replace", () => engine.replace(key, text("6"), 0)],
    ["delete and add", () => (engine.delete(key), engine.add(key, text("6"), 0))],
    ["take and set", () => (engine.take(key, found), engine.set(key, text("6"), 0))],
    ["clear and set", () => (engine.clear(utf8("")), engine.set(key, text("6"), 0))],
    [
      "expiry and set",
      () => (engine.touch(key, 1), clock.advance(500), engine.tidy(100), engine.set(key, text("6"), 0)),
    ],
  ];
  for (let round = 0; round < 50; round++) {
    for (const [name, change] of changes) {
      change();
      const version = engine.getVersioned(key, found);
      assert(version > 0 && !seen.has(version), `${name}: version ${version} was there before`);
      seen.add(version);
      // Everything around it moves; what is read, touched or moved stays the same.
      for (let i = 0; i < 20; i++) engine.set(text(`other ${i} ${round % 3}`), bytes(round * 3 + i), 0);
      for (let i = 0; i < 20; i += 2) engine.delete(text(`other ${i} ${round % 3}`));
      while (engine.tidy(100));
      engine.touch(key, 1_000_000);
      engine.getAndTouch(key, 2_000_000, found);
      assertEquals(engine.getVersioned(key, found), version, name);
    }
  }
  engine.verify();
});

Deno.test("swap() and take() give the old bytes, also when their memory is used again at once", () => {
  const engine = new Engine();
  for (const length of [0, 1, 8, 1_000, 65_536, 65_537, 300_000]) {
    const given = new Uint8Array(length).fill(1);
    engine.set(text("k"), ByteRange.of(given), 0);
    const old = new ByteRange();
    given.fill(2);
    assert(engine.swap(text("k"), ByteRange.of(given), 0, old), "in its place");
    assertEquals(old.copy(), new Uint8Array(length).fill(1));
    assert(engine.take(text("k"), old));
    given.fill(3);
    assertEquals(old.copy(), new Uint8Array(length).fill(2));
    assertEquals(engine.exists(text("k")), false);
    assertEquals(engine.take(text("k"), old), false);
    assertEquals(engine.swap(text("k"), ByteRange.of(given), 0, old), false);
  }
});

Deno.test("add() and replace() take an expired entry for none, and replace its expiry", () => {
  const clock = new FakeClock();
  const engine = new Engine({ clock });
  assertEquals(engine.replace(text("k"), text("a"), 0), false);
  assertEquals(engine.add(text("k"), text("b"), 100), true);
  assertEquals(engine.add(text("k"), text("c"), 0), false);
  assertEquals(engine.replace(text("k"), text("d"), 200), true);
  assertEquals(engine.ttlMs(text("k")), 200);
  clock.advance(200);
  assertEquals(engine.replace(text("k"), text("e"), 0), false);
  assertEquals(engine.add(text("k"), text("f"), 0), true);
  assertEquals([read(engine, "k"), engine.ttlMs(text("k"))], ["f", -1]);
});

Deno.test("touch() with 0 takes an expiry away, and a missing entry has none to take", () => {
  const clock = new FakeClock();
  const engine = new Engine({ clock });
  const found = new ByteRange();
  assertEquals(engine.touch(text("k"), 5), false);
  assertEquals(engine.getAndTouch(text("k"), 5, found), false);
  engine.set(text("k"), text("v"), 100);
  assertEquals(engine.touch(text("k"), 0), true);
  clock.advance(1_000);
  assertEquals(engine.ttlMs(text("k")), -1);
  assertEquals(engine.getAndTouch(text("k"), 50, found), true);
  assertEquals(textIn(found), "v");
  clock.advance(50);
  assertEquals([engine.touch(text("k"), 0), engine.ttlMs(text("k"))], [false, -2]);
});
