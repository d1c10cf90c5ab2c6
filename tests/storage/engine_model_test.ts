/**
 * Drives the engine with random operations beside a plain Map and compares every answer. Segments of 4 KiB and an
 * index that begins with 16 buckets make resizing, compaction, expiry and large entries happen all the time.
 */

import { assertEquals } from "@std/assert";
import { ByteRange } from "../../lib/bytes.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { ModelStore } from "../support/model.ts";
import { Random } from "../support/random.ts";

const OPERATIONS_PER_RUN = 60_000;
const OPERATIONS_PER_VERIFY = 2_000;

/** One kind of load: how many keys there are and how large the values get. */
interface Load {
  readonly name: string;
  readonly keys: number;
  readonly maxValueBytes: number;
  /** In 100 operations: sets, deletes, the rest are gets. */
  readonly sets: number;
  readonly deletes: number;
}

const LOADS: Load[] = [
  { name: "few keys, all sizes", keys: 50, maxValueBytes: 3_000, sets: 60, deletes: 20 },
  { name: "many keys, small values", keys: 5_000, maxValueBytes: 40, sets: 50, deletes: 20 },
  { name: "values of one size, overwritten in place", keys: 500, maxValueBytes: 0, sets: 70, deletes: 5 },
  { name: "more deletes than sets", keys: 1_000, maxValueBytes: 300, sets: 30, deletes: 50 },
];

for (const load of LOADS) {
  Deno.test(`Engine answers like a Map under random operations: ${load.name}`, () => {
    const random = new Random();
    const trace: string[] = [];
    try {
      run(load, random, trace);
    } catch (error) {
      throw new Error(`seed ${random.seed}, the last operations:\n${trace.slice(-20).join("\n")}`, { cause: error });
    }
  });
}

function run(load: Load, random: Random, trace: string[]): void {
  const clock = new FakeClock();
  const engine = new Engine({ clock, segmentBytes: 4096 });
  const model = new ModelStore(clock);
  const found = new ByteRange();

  for (let i = 1; i <= OPERATIONS_PER_RUN; i++) {
    const key = keyOf(random.below(load.keys));
    const choice = random.below(100);
    if (choice < load.sets) {
      const value = random.bytes(load.maxValueBytes === 0 ? 20 : random.below(load.maxValueBytes));
      const ttlMs = random.below(3) === 0 ? 1 + random.below(random.below(2) === 0 ? 300 : 100_000) : 0;
      trace.push(`engine.set(ByteRange.of(keyOf("${key}")), bytes(${value.length}), ${ttlMs});`);
      engine.set(ByteRange.of(key), ByteRange.of(value), ttlMs);
      model.set(key, value, ttlMs);
    } else if (choice < load.sets + load.deletes) {
      trace.push(`engine.delete(ByteRange.of(keyOf("${key}")));`);
      assertEquals(engine.delete(ByteRange.of(key)), model.delete(key));
    } else {
      trace.push(`engine.get(ByteRange.of(keyOf("${key}")), found);`);
      const expected = model.get(key);
      assertEquals(engine.get(ByteRange.of(key), found), expected !== undefined);
      if (expected !== undefined) assertEquals(found.copy(), expected);
    }
    if (random.below(20) === 0) {
      const ms = random.below(random.below(50) === 0 ? 50_000 : 50);
      trace.push(`clock.advance(${ms});`);
      clock.advance(ms);
    }
    if (random.below(10) === 0) {
      trace.push("engine.tidy(20);");
      engine.tidy(20);
    }
    if (i % OPERATIONS_PER_VERIFY === 0) engine.verify();
    if (trace.length > 1_000) trace.splice(0, 900);
  }

  while (engine.tidy(1_000));
  clock.advance(1_000);
  while (engine.tidy(1_000));
  engine.verify();
}

/** Keys of several lengths, with every byte value among them. */
function keyOf(n: number): Uint8Array {
  const key = new Uint8Array(2 + n % 13 + (n % 97 === 0 ? 400 : 0)).fill(n);
  key[0] = n;
  key[1] = n >>> 8;
  return key;
}
