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
import { text, textIn } from "../support/ranges.ts";

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
      throw new Error(`seed ${random.seed}, the last operations:\n\n${run.code()}\n`, { cause: error });
    }
  });
}

/** The engine, the model, and what is drawn at random. */
class Run {
  readonly engine: Engine;
  readonly #trace: string[] = [];
  readonly #load: Load;
  readonly #random: Random;
  readonly #clock = new FakeClock();
  readonly #model = new ModelStore(this.#clock);
  readonly #found = new ByteRange();
  #missing = 0;
  /** What the run is to meet: see {@linkcode Run.end}. */
  readonly #met = { large: 0, growth: 0, shrinking: 0 };
  #buckets = 0;

  constructor(load: Load, random: Random) {
    this.#load = load;
    this.#random = random;
    this.engine = new Engine({ ...load.engine, clock: this.#clock });
  }

  /** The last operations as a program: paste it into a file beside this one. */
  code(): string {
    return [
      `import { ByteRange, utf8 } from "../../lib/bytes.ts";`,
      `import { Engine } from "../../lib/storage/engine.ts";`,
      `import { FakeClock } from "../support/fake_clock.ts";`,
      `import { bytes, text, textIn } from "../support/ranges.ts";`,
      `let cursor = 0, clearing: Promise<number> | undefined;`,
      `const clock = new FakeClock(), found = new ByteRange(), seen = new Set<string>();`,
      `const engine = new Engine({ ...${JSON.stringify(this.#load.engine)}, clock });`,
      ...this.#trace,
    ].join("\n");
  }

  async step(): Promise<void> {
    const random = this.#random;
    if (random.below(20) === 0) this.#advance(random.below(random.below(50) === 0 ? 50_000 : 50));
    if (random.below(10) === 0) this.#log("engine.tidy(20);", () => void this.engine.tidy(20));
    this.#notice();
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
    const { large, growth, shrinking } = this.#met;
    assert(
      this.#load.keys < 100 || growth > 40 && shrinking > 40,
      `the index grew by ${growth} buckets in all and shrank by ${shrinking}`,
    );
    assert(large > 1_000, `large entries were there ${large} times`);
  }

  /** Sees from outside what goes on within. */
  #notice(): void {
    const { segmentBytes, entries, indexLoad } = this.engine.stats();
    // Only large entries take other than whole segments.
    if (segmentBytes % this.#load.engine.segmentBytes! !== 0) this.#met.large++;
    const buckets = entries === 0 ? 0 : Math.round(entries / indexLoad / 10);
    if (buckets > this.#buckets) this.#met.growth += buckets - this.#buckets;
    if (buckets < this.#buckets) this.#met.shrinking += this.#buckets - buckets;
    this.#buckets = buckets;
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
      this.#log(`engine.delete(${keyCode(name)});`, () => assertEquals(engine.delete(key), model.delete(name)));
    } else if (choice < 55) {
      this.#log(`engine.take(${keyCode(name)}, found);`, () => {
        this.#compare(engine.take(key, this.#found), model.get(name));
        model.delete(name);
      });
    } else if (choice < 60) this.#touch(name, key);
    else if (choice < 66) this.#increment(name, key);
    else if (choice < 70) this.#extend(name, key);
    else if (choice < 72) {
      this.#log(`engine.ttlMs(${keyCode(name)});`, () => assertEquals(engine.ttlMs(key), model.ttlMs(name)));
    } else if (choice < 74) {
      this.#log(`engine.exists(${keyCode(name)});`, () => assertEquals(engine.exists(key), !!model.get(name)));
    } else if (choice === 74 && this.#random.below(20) === 0) await this.#clear();
    else if (choice === 75 && this.#random.below(20) === 0) this.#scan();
    else {
      this.#log(`engine.get(${keyCode(name)}, found);`, () => {
        this.#compare(engine.get(key, this.#found), model.get(name));
      });
    }
  }

  #store(name: string, verb: string, call: (value: ByteRange, ttlMs: number) => void | boolean, happens: boolean) {
    const { value, ttlMs } = this.#draw();
    this.#log(`engine.${verb}(${keyCode(name)}, ${valueCode(value)}, ${ttlMs});`, () => {
      this.#unlessRefused(() => {
        const answer = call(ByteRange.of(value), ttlMs);
        if (answer !== undefined) assertEquals(answer, happens);
        if (happens) this.#model.set(name, value, ttlMs);
      });
    });
  }

  #swap(name: string, key: ByteRange): void {
    const { value, ttlMs } = this.#draw();
    this.#log(`engine.swap(${keyCode(name)}, ${valueCode(value)}, ${ttlMs}, found);`, () => {
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
      `engine.compareAndSet(${keyCode(name)}, ${expected}, ${valueCode(value)}, ${ttlMs});`,
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
      this.#log(`engine.touch(${keyCode(name)}, ${ttlMs});`, () => {
        assertEquals(this.engine.touch(key, ttlMs), this.#model.touch(name, ttlMs));
      });
    } else {
      this.#log(`engine.getAndTouch(${keyCode(name)}, ${ttlMs}, found);`, () => {
        this.#compare(this.engine.getAndTouch(key, ttlMs, this.#found), this.#model.get(name));
        this.#model.touch(name, ttlMs);
      });
    }
  }

  #increment(name: string, key: ByteRange): void {
    const large = this.#random.below(4) === 0;
    const delta = BigInt(this.#random.below(2_000) - 1_000) * (large ? 2n ** 52n : 1n);
    const ttlMs = this.#random.below(2) * 500;
    // Values are seldom numbers by chance.
    if (this.#random.below(2) === 0) this.#unlessRefused(() => this.#putNumber(name, key));
    const given = this.#random.below(2) === 0 && !large ? Number(delta) : delta;
    const digits = typeof given === "bigint" ? `${given}n` : String(given);
    this.#log(`engine.increment(${keyCode(name)}, ${digits}, ${ttlMs});`, () => {
      this.#unlessRefused(() => {
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
    const digits = String(this.#random.below(2) === 0 ? 2n ** 63n - 1_000n : this.#random.below(1_000));
    this.#log(`engine.set(${keyCode(name)}, text("${digits}"), 0);`, () => {
      this.engine.set(key, text(digits), 0);
      this.#model.set(name, utf8(digits), 0);
    });
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
    const partCode = `ByteRange.of(Uint8Array.of(${part}))`;
    const code = offset === undefined
      ? `engine.append(${keyCode(name)}, ${partCode});`
      : `engine.setRange(${keyCode(name)}, ${offset}, ${partCode});`;
    this.#log(code, () => {
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
    // Now and then everything, so that the index shrinks by several levels.
    const digit = String(this.#random.below(7)), prefix = this.#random.below(4) === 0 ? "" : `${digit}:`;
    const count = this.#isBounded ? undefined : this.#model.names().filter((name) => name.startsWith(prefix)).length;
    let isDone = false;
    this.#log(`clearing = engine.clear(utf8("${prefix}"));`, () => {});
    const clearing = this.engine.clear(utf8(prefix)).then((removed) => {
      isDone = true;
      return removed;
    });
    this.#model.clear((name) => name.startsWith(prefix));
    for (const name of [`${digit}:1`, `${digit}:7`]) {
      assertEquals(this.engine.get(ByteRange.of(utf8(name)), this.#found), false);
      this.#log(`engine.set(${keyCode(name)}, text("written meanwhile"), 0);`, () => {
        this.#unlessRefused(() => {
          this.engine.set(text(name), text("written meanwhile"), 0);
          this.#model.set(name, utf8("written meanwhile"), 0);
        });
      });
    }
    this.#log(`while (engine.tidy(50)); await clearing;`, () => {});
    for (await Promise.resolve(); !isDone; await Promise.resolve()) this.engine.tidy(50);
    if (count !== undefined) assertEquals(await clearing, count);
  }

  /** Walks all keys while others come and go; those that stay must all be seen. */
  #scan(): void {
    this.#log("cursor = 0;", () => {});
    const staying = new Set(this.#model.names());
    const seen = new Set<string>();
    let cursor = 0;
    do {
      const count = 1 + this.#random.below(50);
      this.#log(`cursor = engine.scan(cursor, ${count}, utf8(""), (key) => seen.add(textIn(key)));`, () => {
        cursor = this.engine.scan(cursor, count, utf8(""), (key) => seen.add(textIn(key)));
      });
      for (let i = 0; i < 5; i++) {
        const name = `new ${this.#random.below(1_000)}`;
        const key = text(name);
        staying.delete(name);
        if (this.#random.below(2) === 0) {
          this.#log(`engine.delete(${keyCode(name)});`, () => (this.engine.delete(key), this.#model.delete(name)));
        } else {
          this.#log(`engine.set(${keyCode(name)}, ${keyCode(name)}, 0);`, () => {
            this.#unlessRefused(() => (this.engine.set(key, key, 0), this.#model.set(name, utf8(name), 0)));
          });
        }
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
    if (this.#trace.length >= 40) this.#trace.splice(0, 20);
    this.#trace.push(code);
    run();
  }
}

function keyCode(name: string): string {
  return `text(${JSON.stringify(name)})`;
}

/** Values are of one byte repeated. */
function valueCode(value: Uint8Array): string {
  return `bytes(${value.length}, ${value[0] ?? 0})`;
}
