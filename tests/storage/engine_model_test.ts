/**
 * Drives the engine with random operations beside a plain Map and compares every answer. Small segments and an index
 * that begins with 16 buckets make resizing, compaction, expiry, eviction and large entries happen all the time.
 *
 * A failure prints the seed and the last operations as code to paste into a test.
 */

import { assert, assertEquals } from "@std/assert";
import { ByteRange, utf8 } from "../../lib/bytes.ts";
import { CryptomemError } from "../../lib/errors.ts";
import { Engine, type EngineOptions } from "../../lib/storage/engine.ts";
import { POLICY_NAMES } from "../../lib/storage/eviction/policy.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { ModelStore } from "../support/model.ts";
import { Random } from "../support/random.ts";

const OPERATIONS_PER_RUN = 120_000;
const OPERATIONS_PER_VERIFY = 4_000;

/** One kind of load: how many keys there are, how large the values get, and the engine they meet. */
interface Load {
  readonly name: string;
  readonly keys: number;
  readonly maxValueBytes: number;
  readonly engine: EngineOptions;
}

const UNBOUNDED: EngineOptions = { segmentBytes: 4096 };
const LOADS: Load[] = [
  { name: "few keys, all sizes", keys: 50, maxValueBytes: 3_000, engine: UNBOUNDED },
  { name: "many keys, small values", keys: 5_000, maxValueBytes: 40, engine: UNBOUNDED },
  { name: "values of nearly one size", keys: 500, maxValueBytes: 3, engine: UNBOUNDED },
  ...POLICY_NAMES.map((policy) => ({
    name: `at the limit of 1 MiB with policy ${policy}`,
    keys: 3_000,
    maxValueBytes: 2_000,
    engine: { maxMemoryBytes: 1024 * 1024, segmentBytes: 8192, policy },
  })),
];

for (const load of LOADS) {
  Deno.test(`Engine answers like a Map under random operations: ${load.name}`, async () => {
    const random = new Random();
    const run = new Run(load, random);
    try {
      for (let i = 1; i <= OPERATIONS_PER_RUN; i++) {
        await run.step();
        if (i % OPERATIONS_PER_VERIFY === 0) run.engine.verify();
      }
      run.end();
    } catch (error) {
      throw new Error(`seed ${random.seed}, the last operations:\n${run.trace.join("\n")}`, { cause: error });
    }
  });
}

/** The engine, the model, and what is drawn at random. */
class Run {
  readonly engine: Engine;
  readonly trace: string[] = [];
  readonly #load: Load;
  readonly #random: Random;
  readonly #clock = new FakeClock();
  readonly #model = new ModelStore(this.#clock);
  readonly #found = new ByteRange();
  #missing = 0;

  constructor(load: Load, random: Random) {
    this.#load = load;
    this.#random = random;
    this.engine = new Engine({ ...load.engine, clock: this.#clock });
  }

  async step(): Promise<void> {
    const random = this.#random;
    if (random.below(20) === 0) this.#advance(random.below(random.below(50) === 0 ? 50_000 : 50));
    if (random.below(10) === 0) this.#log("engine.tidy(20);", () => this.engine.tidy(20));
    const n = random.below(this.#load.keys);
    const name = `${n % 7}:${n}${n % 97 === 0 ? "x".repeat(400) : ""}`;
    this.#reconcile(name);
    await this.#operate(random.below(100), name, ByteRange.of(utf8(name)));
  }

  /** After everything has expired and was tidied, nothing may be left but what never expires. */
  end(): void {
    this.#advance(200_000);
    while (this.engine.tidy(1_000));
    this.engine.verify();
    const { evicted, entries } = this.engine.stats();
    assert(this.#missing <= evicted, `${this.#missing} entries are missing, ${evicted} were evicted`);
    assert(entries <= this.#model.names().length);
  }

  async #operate(choice: number, name: string, key: ByteRange): Promise<void> {
    const { engine } = this, model = this.#model;
    if (choice < 25) this.#store(name, "set", (value, ttl) => engine.set(key, value, ttl), true);
    else if (choice < 30) this.#store(name, "add", (value, ttl) => engine.add(key, value, ttl), !model.get(name));
    else if (choice < 35) {
      this.#store(name, "replace", (value, ttl) => engine.replace(key, value, ttl), !!model.get(name));
    } else if (choice < 40) this.#swap(name, key);
    else if (choice < 45) this.#compareAndSet(name, key);
    else if (choice < 52) {
      this.#log(`engine.delete(key("${name}"));`, () => assertEquals(engine.delete(key), model.delete(name)));
    } else if (choice < 55) {
      this.#log(`engine.take(key("${name}"), found);`, () => {
        this.#compare(engine.take(key, this.#found), model.get(name));
        model.delete(name);
      });
    } else if (choice < 60) this.#touch(name, key);
    else if (choice < 66) this.#increment(name, key);
    else if (choice < 70) this.#extend(name, key);
    else if (choice < 72) {
      this.#log(`engine.ttlMs(key("${name}"));`, () => assertEquals(engine.ttlMs(key), model.ttlMs(name)));
    } else if (choice < 74) {
      this.#log(`engine.exists(key("${name}"));`, () => assertEquals(engine.exists(key), !!model.get(name)));
    } else if (choice === 74 && this.#random.below(20) === 0) await this.#clear();
    else if (choice === 75 && this.#random.below(20) === 0) this.#scan();
    else {
      this.#log(`engine.get(key("${name}"), found);`, () => {
        this.#compare(engine.get(key, this.#found), model.get(name));
      });
    }
  }

  #store(name: string, verb: string, call: (value: ByteRange, ttlMs: number) => void | boolean, happens: boolean) {
    const { value, ttlMs } = this.#draw();
    this.#log(`engine.${verb}(key("${name}"), bytes(${value.length}, ${value[0]}), ${ttlMs});`, () => {
      this.#unlessRefused(() => {
        const answer = call(ByteRange.of(value), ttlMs);
        if (answer !== undefined) assertEquals(answer, happens);
        if (happens) this.#model.set(name, value, ttlMs);
      });
    });
  }

  #swap(name: string, key: ByteRange): void {
    const { value, ttlMs } = this.#draw();
    this.#log(`engine.swap(key("${name}"), bytes(${value.length}, ${value[0]}), ${ttlMs}, found);`, () => {
      this.#unlessRefused(() => {
        this.#compare(this.engine.swap(key, ByteRange.of(value), ttlMs, this.#found), this.#model.get(name));
        this.#model.set(name, value, ttlMs);
      });
    });
  }

  #compareAndSet(name: string, key: ByteRange): void {
    const { value, ttlMs } = this.#draw();
    const actual = this.engine.getVersioned(key, this.#found);
    assertEquals(actual !== 0, this.#model.get(name) !== undefined);
    const expected = this.#random.below(3) === 0 ? this.#random.below(100_000) : actual;
    this.#log(
      `engine.compareAndSet(key("${name}"), ${expected}, bytes(${value.length}, ${value[0]}), ${ttlMs});`,
      () => {
        this.#unlessRefused(() => {
          const answer = this.engine.compareAndSet(key, expected, ByteRange.of(value), ttlMs);
          if (expected !== actual) return assertEquals(answer, 0 - actual);
          assert(answer > actual);
          this.#model.set(name, value, ttlMs);
        });
      },
    );
  }

  #touch(name: string, key: ByteRange): void {
    const ttlMs = this.#random.below(3) * this.#random.below(100_000);
    if (this.#random.below(2) === 0) {
      this.#log(`engine.touch(key("${name}"), ${ttlMs});`, () => {
        assertEquals(this.engine.touch(key, ttlMs), this.#model.touch(name, ttlMs));
      });
    } else {
      this.#log(`engine.getAndTouch(key("${name}"), ${ttlMs}, found);`, () => {
        this.#compare(this.engine.getAndTouch(key, ttlMs, this.#found), this.#model.get(name));
        this.#model.touch(name, ttlMs);
      });
    }
  }

  #increment(name: string, key: ByteRange): void {
    const large = this.#random.below(4) === 0;
    const delta = BigInt(this.#random.below(2_000) - 1_000) * (large ? 2n ** 52n : 1n);
    const ttlMs = this.#random.below(2) * 500;
    this.#log(`engine.increment(key("${name}"), ${delta}n, ${ttlMs});`, () => {
      // Values are seldom numbers by chance.
      if (this.#random.below(2) === 0) this.#unlessRefused(() => this.#putNumber(name, key));
      this.#unlessRefused(() => {
        const given = this.#random.below(2) === 0 && !large ? Number(delta) : delta;
        const before = this.#model.get(name);
        const counted = this.#model.increment(name, delta, ttlMs);
        try {
          const sum = this.engine.increment(key, given, ttlMs);
          assertEquals(BigInt(sum), counted);
          assertEquals(typeof sum, Number.isSafeInteger(Number(sum)) ? "number" : "bigint");
        } catch (error) {
          if (!(error instanceof CryptomemError)) throw error;
          if (error.code === "OUT_OF_MEMORY") {
            if (before === undefined) this.#model.delete(name);
            else this.#model.update(name, before);
            throw error;
          }
          assertEquals<unknown>(error.code, counted);
        }
      });
    });
  }

  #putNumber(name: string, key: ByteRange): void {
    const value = utf8(String(this.#random.below(2) === 0 ? 2n ** 63n - 1_000n : this.#random.below(1_000)));
    this.engine.set(key, ByteRange.of(value), 0);
    this.#model.set(name, value, 0);
  }

  /** append() and setRange(). */
  #extend(name: string, key: ByteRange): void {
    const part = this.#random.bytes(this.#random.below(30));
    const old = this.#model.get(name) ?? new Uint8Array(0);
    const offset = this.#random.below(2) === 0 ? undefined : this.#random.below(old.length + 20);
    const start = offset ?? old.length;
    const value = new Uint8Array(Math.max(old.length, start + part.length));
    value.set(old);
    value.set(part, start);
    this.#log(`extend "${name}" at ${offset ?? "its end"} by ${part.length} bytes`, () => {
      this.#unlessRefused(() => {
        const length = offset === undefined
          ? this.engine.append(key, ByteRange.of(part))
          : this.engine.setRange(key, offset, ByteRange.of(part));
        assertEquals(length, value.length);
        this.#model.update(name, value);
      });
    });
  }

  async #clear(): Promise<void> {
    const digit = String(this.#random.below(7));
    this.#log(`engine.clear(utf8("${digit}:"));`, () => {});
    const count = this.#isBounded ? undefined : this.#model.names().filter((name) => name.startsWith(digit)).length;
    let isDone = false;
    const clearing = this.engine.clear(utf8(`${digit}:`)).then((removed) => {
      isDone = true;
      return removed;
    });
    this.#model.clear((name) => name.startsWith(digit));
    for (const name of [`${digit}:1`, `${digit}:7`]) {
      assertEquals(this.engine.get(ByteRange.of(utf8(name)), this.#found), false);
      this.#unlessRefused(() => {
        this.engine.set(ByteRange.of(utf8(name)), ByteRange.of(utf8("written meanwhile")), 0);
        this.#model.set(name, utf8("written meanwhile"), 0);
      });
    }
    for (await Promise.resolve(); !isDone; await Promise.resolve()) this.engine.tidy(50);
    if (count !== undefined) assertEquals(await clearing, count);
  }

  /** Walks all keys while others come and go; those that stay must all be seen. */
  #scan(): void {
    this.#log("scan", () => {});
    const staying = new Set(this.#model.names());
    const seen = new Set<string>();
    let cursor = 0;
    do {
      cursor = this.engine.scan(cursor, 1 + this.#random.below(50), utf8(""), (key) => {
        seen.add(new TextDecoder().decode(key.copy()));
      });
      for (let i = 0; i < 5; i++) {
        const name = `new ${this.#random.below(1_000)}`;
        const key = ByteRange.of(utf8(name));
        staying.delete(name);
        if (this.#random.below(2) === 0) this.engine.delete(key), this.#model.delete(name);
        else this.#unlessRefused(() => (this.engine.set(key, key, 0), this.#model.set(name, utf8(name), 0)));
      }
    } while (cursor !== 0);
    if (!this.#isBounded) { for (const name of staying) assert(seen.has(name), `scan did not visit ${name}`); }
    for (const name of seen) assert(name.startsWith("new ") || staying.has(name), `scan visited ${name}`);
  }

  get #isBounded(): boolean {
    return this.#load.engine.maxMemoryBytes !== undefined;
  }

  /** With a limit, entries may be missing: the model learns of it before each operation. */
  #reconcile(name: string): void {
    if (!this.#isBounded || this.#model.get(name) === undefined) return;
    if (this.engine.exists(ByteRange.of(utf8(name)))) return;
    this.#missing++;
    this.#model.delete(name);
  }

  /** A refused write must have changed nothing but, at most, what was evicted for it. */
  #unlessRefused(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!this.#isBounded || !(error instanceof CryptomemError) || error.code !== "OUT_OF_MEMORY") throw error;
    }
  }

  #compare(isFound: boolean, expected: Uint8Array | undefined): void {
    assertEquals(isFound, expected !== undefined);
    if (expected !== undefined) assertEquals(this.#found.copy(), expected);
  }

  #draw(): { value: Uint8Array; ttlMs: number } {
    const random = this.#random;
    const value = new Uint8Array(random.below(this.#load.maxValueBytes)).fill(random.below(256));
    const ttlMs = random.below(3) === 0 ? 1 + random.below(random.below(2) === 0 ? 300 : 100_000) : 0;
    return { value, ttlMs };
  }

  #advance(ms: number): void {
    this.#log(`clock.advance(${ms});`, () => this.#clock.advance(ms));
  }

  #log(code: string, run: () => void): void {
    if (this.trace.length >= 40) this.trace.splice(0, 20);
    this.trace.push(code);
    run();
  }
}
