import { assert, assertEquals, assertThrows } from "@std/assert";
import { ByteRange, utf8 } from "../../lib/bytes.ts";
import { CryptomemError } from "../../lib/errors.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { entryBytes, HEADER_BYTES } from "../../lib/storage/entry.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { Random } from "../support/random.ts";

const range = (bytes: Uint8Array | string) => ByteRange.of(typeof bytes === "string" ? utf8(bytes) : bytes);

function read(engine: Engine, key: Uint8Array | string): Uint8Array | undefined {
  const value = new ByteRange();
  return engine.get(range(key), value) ? value.copy() : undefined;
}

Deno.test("get() finds what set() stored, byte for byte", () => {
  const engine = new Engine();
  const everyByte = Uint8Array.from({ length: 256 }, (_, i) => i);
  engine.set(range(everyByte), range(everyByte), 0);
  assertEquals(read(engine, everyByte), everyByte);
  assertEquals(read(engine, "other"), undefined);
});

Deno.test("set() keeps a copy: the caller's buffers may be used again", () => {
  const engine = new Engine();
  const key = utf8("key"), value = utf8("value");
  engine.set(range(key), range(value), 0);
  key.fill(0);
  value.fill(0);
  assertEquals(read(engine, "key"), utf8("value"));
});

Deno.test("values of 0 bytes and of 16 MiB and keys of 1 and of 65,535 bytes work", () => {
  const engine = new Engine();
  const large = new Uint8Array(16 * 1024 * 1024).map((_, i) => i * 31);
  const longKey = new Uint8Array(65_535).fill(0x6b);
  engine.set(range("e"), range(""), 0);
  engine.set(range("l"), range(large), 0);
  engine.set(range(longKey), range("long"), 0);
  engine.set(range(longKey.subarray(1)), range("one less"), 0);
  assertEquals(read(engine, "e"), new Uint8Array(0));
  assertEquals(read(engine, "l"), large);
  assertEquals(read(engine, longKey), utf8("long"));
  assertEquals(read(engine, longKey.subarray(1)), utf8("one less"));
  engine.verify();
});

Deno.test("a key longer than an entry can tell is refused by what stores, and found by nobody", () => {
  const engine = new Engine({ clock: new FakeClock() });
  const key = ByteRange.of(new Uint8Array(65_536).fill(0x6b)), value = ByteRange.of(utf8("v"));
  for (
    const store of [() => engine.set(key, value, 0), () => engine.append(key, value), () => engine.increment(key, 1, 0)]
  ) {
    const error = assertThrows(store, CryptomemError);
    assertEquals(error.code, "TOO_LARGE");
  }
  assertEquals(engine.exists(key), false);
  assertEquals(engine.stats().entries, 0);
  engine.verify();
});

Deno.test("increment() stores exact digits on both sides of 2^53", () => {
  const engine = new Engine({ clock: new FakeClock() });
  const key = ByteRange.of(utf8("n"));
  for (const sign of [1, -1]) {
    engine.set(key, ByteRange.of(utf8(`${sign * (2 ** 53 - 3)}`)), 0);
    for (let step = -2; step <= 2; step++) {
      const expected = BigInt(sign) * (2n ** 53n + BigInt(step));
      assertEquals(BigInt(engine.increment(key, sign, 0)), expected);
      assertEquals(read(engine, "n"), utf8(`${expected}`));
    }
  }
});

Deno.test("set() replaces value and expiry, whatever the sizes", () => {
  const clock = new FakeClock();
  const engine = new Engine({ clock });
  for (const length of [0, 1, 7, 8, 9, 1_000, 70_000, 200_000, 70_000, 3, 3]) {
    const value = new Uint8Array(length).fill(length);
    engine.set(range("k"), range(value), 50);
    assertEquals(read(engine, "k"), value);
    engine.verify();
  }
  engine.set(range("k"), range("stays"), 0);
  clock.advance(1_000_000);
  assertEquals(read(engine, "k"), utf8("stays"));
  assertEquals(engine.stats().entries, 1);
});

Deno.test("delete() tells whether a living entry was there", () => {
  const clock = new FakeClock();
  const engine = new Engine({ clock });
  assertEquals(engine.delete(range("k")), false);
  engine.set(range("k"), range("v"), 0);
  assertEquals(engine.delete(range("k")), true);
  assertEquals(engine.delete(range("k")), false);
  engine.set(range("k"), range("v"), 10);
  clock.advance(10);
  assertEquals(engine.delete(range("k")), false);
  assertEquals(engine.stats().entries, 0);
});

Deno.test("an entry lives to its last millisecond and not one longer, whether or not the janitor came by", () => {
  for (const ttlMs of [1, 63, 64, 65, 16_383, 16_384, 5_000_000, 1_100_000_000, 300_000_000_000, 9_223_372_036_854]) {
    for (const tidies of [false, true]) {
      const clock = new FakeClock({ nowMs: 123_456 });
      const engine = new Engine({ clock });
      engine.set(range("k"), range("v"), ttlMs);
      clock.advance(ttlMs - 1);
      if (tidies) engine.tidy(10);
      assertEquals(read(engine, "k"), utf8("v"), `${ttlMs} ms, one before`);
      clock.advance(1);
      assertEquals(read(engine, "k"), undefined, `${ttlMs} ms`);
    }
  }
});

Deno.test("an expiry is rounded up: an entry set in the middle of a millisecond lives to the end of its last one", () => {
  const clock = new FakeClock({ nowMs: 0 });
  const engine = new Engine({ clock });
  clock.advance(0.4);
  engine.set(range("k"), range("v"), 10);
  clock.advance(10.5);
  assertEquals(read(engine, "k"), utf8("v"));
  clock.advance(0.2);
  assertEquals(read(engine, "k"), undefined);
});

Deno.test("the date of the machine may jump: entries live by the monotonic clock", () => {
  const clock = new FakeClock();
  const engine = new Engine({ clock });
  engine.set(range("k"), range("v"), 1_000);
  clock.jumpWall(3_600_000);
  assertEquals(read(engine, "k"), utf8("v"));
  clock.jumpWall(-7_200_000);
  clock.advance(1_000);
  assertEquals(read(engine, "k"), undefined);
});

Deno.test("tidy() gives expired entries back in bounded pieces", () => {
  const clock = new FakeClock();
  const engine = new Engine({ clock });
  for (let i = 0; i < 1_000; i++) engine.set(range(`key ${i}`), range("v"), 5_000);
  for (let i = 0; i < 100; i++) engine.set(range(`other ${i}`), range("v"), 0);
  clock.advance(10_000);
  let pieces = 0;
  for (let before = engine.stats().entries, more = true; more; pieces++) {
    more = engine.tidy(100);
    const after = engine.stats().entries;
    assert(before - after <= 100, `one piece removed ${before - after} entries`);
    before = after;
  }
  assert(pieces >= 10);
  assertEquals(engine.stats().entries, 100);
  assertEquals(engine.stats().expired, 1_000);
  engine.verify();
});

Deno.test("an expiry that was taken back or moved does not fire", () => {
  const clock = new FakeClock();
  const engine = new Engine({ clock });
  engine.set(range("kept"), range("v"), 100);
  engine.set(range("kept"), range("v"), 0);
  engine.set(range("longer"), range("v"), 100);
  engine.set(range("longer"), range("v"), 100_000);
  engine.set(range("again"), range("v"), 100);
  engine.delete(range("again"));
  engine.set(range("again"), range("v"), 0);
  clock.advance(50_000);
  while (engine.tidy(100));
  assertEquals(engine.stats().entries, 3);
  assertEquals(engine.stats().expired, 0);
  engine.verify();
});

Deno.test("stats() counts every byte", () => {
  const engine = new Engine();
  engine.set(range("four"), range("0123456789"), 0);
  engine.set(range("k"), range(""), 0);
  engine.set(range("big"), range(new Uint8Array(100_000)), 0);
  const stats = engine.stats();
  const jumboBytes = entryBytes(HEADER_BYTES, 3, 100_000);
  const liveBytes = entryBytes(HEADER_BYTES, 4, 10) + entryBytes(HEADER_BYTES, 1, 0) + jumboBytes;
  assertEquals(stats.entries, 3);
  assertEquals(stats.keyBytes, 8);
  assertEquals(stats.valueBytes, 100_010);
  assertEquals(stats.overheadBytes, liveBytes - 100_018);
  assertEquals(stats.segmentBytes, 1024 * 1024 + jumboBytes);
  assertEquals(stats.freeBytes, stats.segmentBytes - liveBytes);
  assertEquals(stats.memoryBytes, stats.segmentBytes + stats.indexBytes + stats.policyBytes);
  for (const key of ["big", "k", "four"]) engine.delete(range(key));
  const { entries, keyBytes, valueBytes, overheadBytes, freeBytes } = engine.stats();
  assertEquals([entries, keyBytes, valueBytes, overheadBytes], [0, 0, 0, 0]);
  assertEquals(freeBytes, 1024 * 1024);
});

Deno.test("overwriting and deleting values of mixed sizes gives their memory back: no leak under churn", () => {
  const random = new Random();
  const segmentBytes = 16 * 1024;
  const engine = new Engine({ segmentBytes });
  for (let i = 0; i < 200_000; i++) {
    const key = range(`key ${random.below(2_000)}`);
    if (random.below(4) === 0) engine.delete(key);
    else engine.set(key, range(new Uint8Array(random.below(random.below(10) === 0 ? 1_500 : 200))), 0);
    if (i % 1_000 === 999) {
      const { segmentBytes: taken, freeBytes } = engine.stats();
      const liveBytes = taken - freeBytes;
      // What may be dead (an eighth, paid off by the next writes) and the segments that are kept open or in reserve.
      assert(taken <= liveBytes * 1.25 + 6 * segmentBytes, `seed ${random.seed}: ${liveBytes} live of ${taken} taken`);
    }
  }
  engine.verify();
});

Deno.test("deletes alone give memory back: the janitor moves what is left together", () => {
  const engine = new Engine({ segmentBytes: 16 * 1024 });
  for (let i = 0; i < 10_000; i++) engine.set(range(`key ${i}`), range(new Uint8Array(100)), 0);
  const full = engine.stats();
  for (let i = 0; i < 10_000; i++) if (i % 10 !== 0) engine.delete(range(`key ${i}`));
  while (engine.tidy(100));
  const left = engine.stats();
  assertEquals(left.entries, 1_000);
  assert(left.segmentBytes < full.segmentBytes / 6, `${left.segmentBytes} of ${full.segmentBytes} still taken`);
  assert(left.indexBytes <= full.indexBytes);
  for (let i = 0; i < 10_000; i += 10) assert(read(engine, `key ${i}`) !== undefined);
  engine.verify();
});
