/**
 * An engine with a data directory, for tests: it is changed at random, and remembers how its entries were after each
 * operation, so that what is found on a disk later can be told to be one of these states, and which.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { binaryText, ByteRange, utf8 } from "../../lib/bytes.ts";
import { CryptomemError } from "../../lib/errors.ts";
import { Persistence, type PersistenceOptions } from "../../lib/persistence/persistence.ts";
import { Engine } from "../../lib/storage/engine.ts";
import type { Journal } from "../../lib/storage/journal.ts";
import { toBoth } from "./both_journals.ts";
import { FakeClock } from "./fake_clock.ts";
import type { FaultDisk } from "./fault_disk.ts";
import type { Random } from "./random.ts";
import { type Load, RandomChanges } from "./random_changes.ts";
import { assertHolds, type ToldContent, ToldEntries } from "./told_entries.ts";

/** Few keys, so that all kinds of changes meet each other; no value of it is evicted. */
export const SMALL_LOAD: Load = { name: "small", keys: 40, maxValueBytes: 60, engine: { segmentBytes: 4096 } };

/** The key that tells how many operations there have been. */
const COUNT_KEY = "count";

/** Nobody loads in the millisecond in which an engine is made, which for it is the earliest that something can expire. */
const START_MS = 2;

/** What can differ from test to test. */
export interface KeptOptions extends Partial<Omit<PersistenceOptions, "disk" | "engine" | "clock">> {
  readonly clock?: FakeClock;
  readonly load?: Load;
  /** Whether {@linkcode KeptEngine.states} is filled, by default. Not where there are many entries. */
  readonly remembersStates?: boolean;
}

/** Entries as dates: name, value, Unix ms or 0. */
export type Dated = string;

/** See the module. */
export class KeptEngine {
  readonly clock: FakeClock;
  readonly disk: FaultDisk;
  readonly engine: Engine;
  readonly persistence: Persistence;
  /** Lines for the operator. */
  readonly lines: string[];
  /** What the engine has told, refused changes taken back. */
  readonly told: ToldEntries;
  /** The entries after an operation, by its number. */
  readonly states = new Map<number, ToldContent>();
  /** The number of the last operation. */
  operations: number;
  /** The last that was acknowledged. */
  acknowledged: number;
  readonly #changes: RandomChanges;
  readonly #remembersStates: boolean;

  private constructor(
    parts: { clock: FakeClock; disk: FaultDisk; engine: Engine; persistence: Persistence; lines: string[] },
    random: Random,
    load: Load,
    remembersStates: boolean,
  ) {
    this.clock = parts.clock;
    this.disk = parts.disk;
    this.engine = parts.engine;
    this.persistence = parts.persistence;
    this.lines = parts.lines;
    this.told = new ToldEntries();
    this.told.entries = contentOf(parts.engine, parts.clock);
    this.operations = this.acknowledged = countOf(this.told.entries);
    this.#remembersStates = remembersStates;
    this.states.set(this.operations, new Map(this.told.entries));
    this.engine.journal = both(parts.engine.journal!, this.told);
    this.#changes = new RandomChanges(parts.engine, parts.clock, random, load);
  }

  /** Opens a directory, with a log that is synced always and no snapshots unless told otherwise. */
  static async open(disk: FaultDisk, random: Random, options: KeptOptions = {}): Promise<KeptEngine> {
    const { clock = new FakeClock(), load = SMALL_LOAD, remembersStates = true, ...others } = options;
    const engine = new Engine({ ...load.engine, clock });
    clock.advance(START_MS);
    const lines: string[] = [];
    const persistence = await Persistence.open({
      appendLog: "always",
      snapshotIntervalMs: 0,
      snapshotChanges: 0,
      keptSnapshots: 2,
      log: (line) => lines.push(line),
      ...others,
      disk,
      engine,
      clock,
    });
    return new KeptEngine({ clock, disk, engine, persistence, lines }, random, load, remembersStates);
  }

  /** Opens another disk at the same date, or at the one given, on a clock of its own. */
  reopen(
    disk: FaultDisk,
    random: Random,
    { wallMs = this.clock.wallMs(), ...options }: KeptOptions & { readonly wallMs?: number } = {},
  ): Promise<KeptEngine> {
    return KeptEngine.open(disk, random, {
      clock: new FakeClock({ nowMs: 777, wallMs: wallMs - START_MS }),
      ...options,
    });
  }

  /** One operation: a random change and the count, all or none. Throws CryptomemError if it is refused. */
  change(): void {
    this.operate(() => this.#changes.change());
  }

  /** One operation: a change and the count, all or none. */
  operate(work: () => void): void {
    const number = this.operations + 1;
    this.engine.atomically(() => {
      work();
      this.engine.set(range(COUNT_KEY), range(String(number)), 0);
    });
    this.operations = number;
    if (this.#remembersStates) this.states.set(number, new Map(this.told.entries));
  }

  /** One operation. Resolves when it is known whether it was kept, with that; a refused one has been taken back. */
  async acknowledgedChange(): Promise<boolean> {
    try {
      this.change();
    } catch (error) {
      if (error instanceof CryptomemError && error.code === "STORAGE") return false;
      throw error;
    }
    return await this.acknowledge();
  }

  /** Waits until all so far is kept, or taken back. Returns whether it is kept. */
  async acknowledge(): Promise<boolean> {
    const number = this.operations;
    try {
      await this.persistence.pending();
    } catch (error) {
      if (!(error instanceof CryptomemError && error.code === "STORAGE")) throw error;
      this.told.entries = new Map(this.states.get(this.acknowledged)!);
      this.assertMemory();
      return false;
    }
    this.acknowledged = Math.max(this.acknowledged, number);
    return true;
  }

  /** Lets time go by, and the engine tidy itself, sometimes. */
  rest(): void {
    this.#changes.rest(500);
  }

  /** Compares the engine with what it has told. */
  assertMemory(): void {
    assertHolds(this.engine, this.told.living(this.clock), this.clock);
  }

  /** The entries after an operation, as far as their time is not over at a date; by default those now. */
  dated(operation?: number, wallMs?: number): Dated {
    return datedOf(operation === undefined ? this.told.entries : this.states.get(operation)!, this.clock, wallMs);
  }
}

/** All entries of an engine. */
export function contentOf(engine: Engine, clock: FakeClock): Map<string, { value: string; expiryMs: number }> {
  const content = new Map<string, { value: string; expiryMs: number }>();
  const value = new ByteRange();
  const keys: Uint8Array[] = [];
  engine.scan(0, Infinity, new Uint8Array(0), (key) => void keys.push(key.copy()));
  for (const key of keys) {
    const ttlMs = engine.ttlMs(ByteRange.of(key));
    engine.getVersioned(ByteRange.of(key), value);
    content.set(binaryText(key), {
      value: binaryText(value.copy()),
      expiryMs: ttlMs < 0 ? 0 : clock.nowMs() + ttlMs,
    });
  }
  return content;
}

/** Entries as one text to be compared, with dates. */
export function datedOf(content: ToldContent, clock: FakeClock, wallMs: number = clock.wallMs()): Dated {
  const zeroMs = clock.wallMs() - clock.nowMs();
  const lines: string[] = [];
  for (const [name, { value, expiryMs }] of content) {
    if (expiryMs === 0) lines.push(`${name} = ${value}`);
    else if (zeroMs + expiryMs > wallMs) lines.push(`${name} = ${value} until ${zeroMs + expiryMs}`);
  }
  return lines.sort().join("\n");
}

/** The number of the last operation that some entries hold. */
export function countOf(content: ToldContent): number {
  return Number(content.get(COUNT_KEY)?.value ?? 0);
}

/** Compares an engine with the entries that another had. */
export function assertSameEntries(found: KeptEngine, expected: Dated, what: string): void {
  const actual = found.dated();
  if (actual !== expected) assertEquals(actual.split("\n"), expected.split("\n"), what);
}

/** A range over the UTF-8 of a text. */
export function range(text: string): ByteRange {
  return ByteRange.of(utf8(text));
}

/** Tells the one that keeps first: what it refuses has not happened. */
function both(kept: Journal, told: ToldEntries): Journal {
  return {
    undo: kept.undo,
    check: () => kept.check(),
    begin(expectedBytes) {
      kept.begin(expectedBytes);
      told.begin(expectedBytes);
    },
    end() {
      told.end();
      kept.end();
    },
    ...toBoth(kept, told),
  };
}
