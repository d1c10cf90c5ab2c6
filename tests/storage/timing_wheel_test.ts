/** The wheel alone: entries in a bare arena, so that a test sees when each is given out, tick by tick. */

import { assert, assertEquals } from "@std/assert";
import { Arena, Stream } from "../../lib/storage/arena.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { entryBytes, expiryMs, HEADER_BYTES, setExpiryAndVersion, setLengths } from "../../lib/storage/entry.ts";
import { TimingWheel } from "../../lib/storage/timing_wheel.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { Random } from "../support/random.ts";
import { bytes, read, text } from "../support/ranges.ts";

const TICK_MS = 64;
/** Ticks of a slot on each level, and of all. */
const SPANS = [1, 256, 256 ** 2, 256 ** 3, 256 ** 4];
const SIZE_BYTES = entryBytes(HEADER_BYTES, 0, 0);

/** A wheel, and entries that have nothing but an expiry. */
class Wheel {
  readonly arena = new Arena(64 * 1024);
  readonly wheel = new TimingWheel(this.arena);
  readonly given: number[] = [];
  readonly #give = (address: number): void => {
    this.wheel.remove(address);
    this.given.push(this.expiryOf(address));
  };

  add(expiry: number): number {
    const address = this.arena.allocate(SIZE_BYTES, Stream.FIRST);
    const { words } = this.arena.segmentOf(address), at = this.arena.wordOf(address);
    setLengths(words, at, 0, 0, 0);
    setExpiryAndVersion(words, at, expiry, 1);
    this.wheel.add(address);
    return address;
  }

  /** Moves an entry elsewhere, as compaction does. */
  move(address: number): number {
    const moved = this.arena.allocate(SIZE_BYTES, Stream.SECOND);
    const source = this.arena.segmentOf(address), start = this.arena.wordOf(address);
    const target = this.arena.segmentOf(moved);
    target.words.set(source.words.subarray(start, start + SIZE_BYTES / 4), this.arena.wordOf(moved));
    this.wheel.moved(moved);
    source.words.fill(-1, start, start + SIZE_BYTES / 4);
    return moved;
  }

  /** Everything that is due at a moment; returns how often the wheel had to be asked. */
  advance(nowMs: number, maxSteps = 100_000): number {
    let calls = 1;
    while (this.wheel.advance(nowMs, maxSteps, this.#give)) calls++;
    return calls;
  }

  expiryOf(address: number): number {
    return expiryMs(this.arena.segmentOf(address).words, this.arena.wordOf(address));
  }

  get soonestMs(): number {
    return this.expiryOf(this.wheel.soonest());
  }
}

/** Around the borders of the first three levels, and one turn further. The last takes 65,793 turns of the first. */
function borders(): number[] {
  return SPANS.slice(0, 3).flatMap((span) =>
    [1, 2, 255, 256, 257].flatMap((slots) => [slots * span - 1, slots * span, slots * span + 1])
  ).filter((tick) => tick > 0 && tick < 257 * 256);
}

/** The last moment at which an entry may still be filed, and the first at which it must be given out. */
function tickOf(expiry: number): { startMs: number; endMs: number } {
  const tick = Math.floor(expiry / TICK_MS);
  return { startMs: tick * TICK_MS, endMs: (tick + 1) * TICK_MS };
}

function assertGivenOutAfter(startTick: number, ticks: number): void {
  const expiry = (startTick + ticks) * TICK_MS + ticks % TICK_MS;
  const wheel = new Wheel();
  wheel.advance(startTick * TICK_MS);
  wheel.add(expiry);
  const { startMs, endMs } = tickOf(expiry);
  wheel.advance(startMs);
  assertEquals(wheel.given, [], `from tick ${startTick}: ${ticks} ticks away, not yet`);
  wheel.advance(endMs);
  assertEquals(wheel.given, [expiry], `from tick ${startTick}: ${ticks} ticks away`);
  assertEquals(wheel.wheel.size, 0);
}

Deno.test("an entry is given out at the end of the tick it is due in, at every border of the levels", () => {
  for (const startTick of [0, 1, 255, 256, 65_535, 65_536 + 7, SPANS[3]! - 3, SPANS[4]! - 3]) {
    for (const ticks of borders()) assertGivenOutAfter(startTick, ticks);
  }
  // Twelve days away: every tick on the way is walked, so only these.
  assertGivenOutAfter(0, SPANS[3]! + 1);
  assertGivenOutAfter(SPANS[3]! - 1, SPANS[3]!);
});

Deno.test("an entry beyond the wheel's 8.7 years waits on its coarsest level and is filed again when that comes round", () => {
  const horizonMs = SPANS[4]! * TICK_MS, slotMs = SPANS[3]! * TICK_MS;
  const wheel = new Wheel();
  // Started late in a turn, the wheel comes to the slot of what is filed last within one slot.
  const startMs = horizonMs - slotMs / 64;
  wheel.advance(startMs);
  const distances = [horizonMs - slotMs, horizonMs, horizonMs * 2.5, 2 * horizonMs + slotMs / 32, horizonMs * 1_000];
  for (const distanceMs of distances) wheel.add(startMs + distanceMs);
  wheel.advance(horizonMs + slotMs / 64);
  assertEquals(wheel.given, []);
  assertEquals(wheel.wheel.size, distances.length);
  assertEquals([...wheel.wheel.addresses()].length, distances.length);
});

Deno.test("what is due already is given out at once, and an expiry in the past too", () => {
  const wheel = new Wheel();
  wheel.advance(1_000_000);
  for (const expiry of [1, 500_000, 999_999, 1_000_000]) wheel.add(expiry);
  wheel.advance(1_000_000 + TICK_MS);
  assertEquals(wheel.given.sort((a, b) => a - b), [1, 500_000, 999_999, 1_000_000]);
});

Deno.test("while the clock stands still nothing is given out twice or early, and a jump of 3 days gives out all", () => {
  const wheel = new Wheel();
  const expiries = borders().slice(0, 40).map((tick) => tick * TICK_MS);
  for (const expiry of expiries) wheel.add(expiry);
  for (let i = 0; i < 10; i++) wheel.advance(0);
  assertEquals(wheel.given, []);
  wheel.advance(5_000 * TICK_MS);
  wheel.advance(5_000 * TICK_MS);
  assertEquals(wheel.given, expiries.filter((expiry) => expiry < 5_000 * TICK_MS).sort(byValue));
  wheel.advance(SPANS[3]! / 4 * TICK_MS);
  assertEquals(wheel.given, expiries.sort(byValue));
});

Deno.test("with nothing filed, a jump of a thousand years is no work", () => {
  const wheel = new Wheel();
  assertEquals(wheel.advance(31_536_000_000_000, 10), 1);
  const soon = 31_536_000_000_000 + 1_000;
  wheel.add(soon);
  assertEquals(wheel.advance(soon, 100), 1);
  wheel.advance(soon + TICK_MS);
  assertEquals(wheel.given, [soon]);
});

Deno.test("entries that move, from the front, the middle and the end of their lists, are given out where they lie", () => {
  const random = new Random();
  const wheel = new Wheel();
  let filed: number[] = [];
  const expected: number[] = [];
  for (let i = 0; i < 2_000; i++) {
    const expiry = random.below(SPANS[1 + random.below(2)]! * 4 * TICK_MS);
    expected.push(expiry);
    filed.push(wheel.add(expiry));
    if (i % 3 === 0) {
      const n = random.below(filed.length);
      filed[n] = wheel.move(filed[n]!);
    }
  }
  // Once more with lists that were filed again, from a coarser level to a finer.
  const halfwayMs = SPANS[2]! / 2 * TICK_MS;
  wheel.advance(halfwayMs);
  filed = [...wheel.wheel.addresses()];
  for (const address of filed) if (random.below(2) === 0) wheel.move(address);
  assertEquals([...wheel.wheel.addresses()].length, filed.length);
  wheel.advance(SPANS[2]! * 4 * TICK_MS);
  assertEquals(wheel.given.sort(byValue), expected.sort(byValue), `seed ${random.seed}`);
});

Deno.test("entries are given out in the order of their ticks, whatever the steps of the clock and of the work", () => {
  const random = new Random();
  const wheel = new Wheel();
  const expiries = Array.from({ length: 3_000 }, () => 1 + random.below(SPANS[1 + random.below(2)]! * 2 * TICK_MS));
  for (const expiry of expiries) wheel.add(expiry);
  let nowMs = 0;
  while (wheel.wheel.size > 0) {
    nowMs += random.below(random.below(10) === 0 ? 1_000_000 : 1_000);
    wheel.advance(nowMs, 1 + random.below(50));
    for (const expiry of wheel.given.slice(-50)) assert(expiry <= nowMs, `seed ${random.seed}`);
  }
  const ticks = wheel.given.map((expiry) => Math.floor(expiry / TICK_MS));
  assertEquals(ticks, ticks.toSorted(byValue), `seed ${random.seed}`);
  assertEquals(wheel.given.toSorted(byValue), expiries.sort(byValue));
});

Deno.test("a million entries with the same deadline are given back in bounded pieces, reads going on between", () => {
  const clock = new FakeClock();
  const engine = new Engine({ clock });
  const COUNT = 1_000_000, STEPS = 128;
  const value = bytes(8);
  for (let i = 0; i < COUNT; i++) engine.set(text(`key ${i}`), value, 3_600_000);
  engine.set(text("stays"), text("v"), 0);
  const { memoryBytes } = engine.stats();
  clock.advance(3_600_000 + 2 * TICK_MS);
  let before = engine.stats().entries, pieces = 0;
  for (let hasMore = true; hasMore; pieces++) {
    hasMore = engine.tidy(STEPS);
    const { entries } = engine.stats();
    assert(before - entries <= STEPS, `one piece removed ${before - entries} entries`);
    before = entries;
    if (pieces % 100 === 0) assertEquals([read(engine, "stays"), read(engine, "key 5")], ["v", undefined]);
  }
  const after = engine.stats();
  assertEquals([after.entries, after.expired], [1, COUNT]);
  assert(pieces >= COUNT / STEPS);
  assert(after.memoryBytes < memoryBytes / 10, `${after.memoryBytes} of ${memoryBytes} bytes are still taken`);
  engine.verify();
});

Deno.test("soonest() is what comes next, to a tick for what was filed within 16 s of its time, else to its slot", () => {
  const random = new Random();
  const wheel = new Wheel();
  const left = Array.from({ length: 300 }, () => random.below(SPANS[1 + random.below(3)]! * TICK_MS));
  for (const expiry of left) wheel.add(expiry);
  for (left.sort(byValue); left.length > 0;) {
    const address = wheel.wheel.soonest(), expiry = wheel.expiryOf(address);
    const first = left[0]!;
    const span = SPANS.findLast((span) => first >= span * TICK_MS) ?? 1;
    assert(expiry < first + span * TICK_MS, `seed ${random.seed}: ${expiry} before ${first}`);
    left.splice(left.indexOf(expiry), 1);
    wheel.wheel.remove(address);
  }
  assertEquals(wheel.wheel.soonest(), 0);
});

Deno.test("soonest() sees what is about to come down from a coarser level", () => {
  const wheel = new Wheel();
  // Filed 70 minutes ahead; now due in ten seconds, with the border of its slot not yet reached.
  const first = (SPANS[2]! + 10) * TICK_MS;
  wheel.add(first);
  wheel.advance((SPANS[2]! - 20) * TICK_MS);
  wheel.add((SPANS[2]! + 200) * TICK_MS);
  wheel.add((2 * SPANS[2]! - 100) * TICK_MS);
  assertEquals(wheel.soonestMs, first);
});

function byValue(a: number, b: number): number {
  return a - b;
}
