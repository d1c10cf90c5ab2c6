/**
 * Random changes of an engine, all kinds that there are, with time going by and the engine tidying itself. For tests that
 * watch what an engine tells of its changes: whether it makes them right is for engine_model_test.ts.
 *
 * @module
 */

import { ByteRange, utf8 } from "../../lib/bytes.ts";
import { CryptomemError } from "../../lib/errors.ts";
import type { Engine, EngineOptions } from "../../lib/storage/engine.ts";
import { POLICY_NAMES } from "../../lib/storage/eviction/policy.ts";
import type { FakeClock } from "./fake_clock.ts";
import type { Random } from "./random.ts";

/** An engine that meets every edge soon, and how many keys it takes to do so. */
export interface Load {
  readonly name: string;
  readonly keys: number;
  readonly maxValueBytes: number;
  readonly engine: EngineOptions;
}

/** One without a limit, and one for each policy at its limit. */
export const LOADS: readonly Load[] = [
  { name: "no limit", keys: 300, maxValueBytes: 700, engine: { segmentBytes: 4096 } },
  ...POLICY_NAMES.map((policy) => ({
    name: `policy ${policy} at its limit`,
    keys: 2_000,
    maxValueBytes: 2_500,
    engine: { maxMemoryBytes: 1024 * 1024, segmentBytes: 8192, policy },
  })),
];

/** Changes an engine at random. */
export class RandomChanges {
  readonly #engine: Engine;
  readonly #clock: FakeClock;
  readonly #random: Random;
  readonly #load: Load;
  readonly #found = new ByteRange();

  constructor(engine: Engine, clock: FakeClock, random: Random, load: Load) {
    this.#engine = engine;
    this.#clock = clock;
    this.#random = random;
    this.#load = load;
  }

  /** Lets some time go by, sometimes, and the engine work. */
  rest(maxMs: number = 50_000): void {
    const random = this.#random;
    if (random.below(20) === 0) this.#clock.advance(random.below(random.below(50) === 0 ? maxMs : 50));
    if (random.below(10) === 0) this.#engine.tidy(20);
  }

  /** Makes one change; one for which there is no room is none. */
  change(): void {
    try {
      this.#change(this.#random.below(100));
    } catch (error) {
      if (!(error instanceof CryptomemError)) throw error;
      if (!["OUT_OF_MEMORY", "NOT_INTEGER", "OVERFLOW"].includes(error.code)) throw error;
    }
  }

  #change(choice: number): void {
    const engine = this.#engine, random = this.#random, key = this.#key(), found = this.#found;
    const value = ByteRange.of(new Uint8Array(random.below(this.#load.maxValueBytes)).fill(random.below(256)));
    const ttlMs = random.below(3) === 0 ? 1 + random.below(random.below(2) === 0 ? 300 : 100_000) : 0;
    if (choice < 30) engine.set(key, value, ttlMs);
    else if (choice < 34) engine.add(key, value, ttlMs);
    else if (choice < 38) engine.replace(key, value, ttlMs);
    else if (choice < 42) engine.swap(key, value, ttlMs, found);
    else if (choice < 46) engine.compareAndSet(key, engine.version(key), value, ttlMs);
    else if (choice < 54) engine.delete(key);
    else if (choice < 56) engine.take(key, found);
    else if (choice < 60) engine.touch(key, ttlMs);
    else if (choice < 64) engine.getAndTouch(key, ttlMs, found);
    else if (choice < 70) engine.set(key, ByteRange.of(utf8(String(random.below(2_000)))), ttlMs);
    else if (choice < 75) engine.increment(key, random.below(2_000) - 1_000, ttlMs);
    else if (choice < 79) engine.append(key, ByteRange.of(random.bytes(random.below(30))));
    else if (choice < 83) engine.setRange(key, random.below(200), ByteRange.of(random.bytes(random.below(30))));
    else if (choice < 87) engine.update(key, value);
    else if (choice < 97) engine.rename(key, this.#key());
    else if (choice < 99 || random.below(10) > 0) engine.get(key, found);
    else this.#clear();
  }

  #clear(): void {
    const prefix = this.#random.below(4) === 0 ? "" : `${this.#random.below(7)}:`;
    // One that a test takes back rejects.
    this.#engine.clear(utf8(prefix)).catch(() => {});
  }

  #key(): ByteRange {
    const n = this.#random.below(this.#load.keys);
    return ByteRange.of(utf8(`${n % 7}:${n}${n % 97 === 0 ? "x".repeat(400) : ""}`));
  }
}
