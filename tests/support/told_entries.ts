/**
 * A journal that keeps nothing but the entries it has been told of, in a Map, to be compared with the engine that told it.
 * It is strict: what is told of an entry that it does not have, or outside of its turn, is an error.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { binaryText, ByteRange, bytesOfBinaryText } from "../../lib/bytes.ts";
import type { Clock } from "../../lib/clock.ts";
import { CryptomemError } from "../../lib/errors.ts";
import type { Engine } from "../../lib/storage/engine.ts";
import type { HeldClear, Journal, UndoJournal } from "../../lib/storage/journal.ts";
import type { SnapshotSink } from "../../lib/storage/snapshots.ts";

/** What an entry comes to: its value as a text of bytes, and when it expires on the clock, 0 = never. */
export interface ToldEntry {
  readonly value: string;
  readonly expiryMs: number;
}

/** Entries by the texts of their keys' bytes. */
export type ToldContent = ReadonlyMap<string, ToldEntry>;

/** The entries that an engine has told of. */
export class ToldEntries implements Journal {
  /** All of them, in the order in which they were told. */
  entries: Map<string, ToldEntry> = new Map<string, ToldEntry>();
  /** What it was told, in words. */
  readonly told: string[] = [];
  /** Told before each change; `undefined` unless a test sets it. */
  undo: UndoJournal | undefined;
  /** Whether changes are refused. */
  isRefusing = false;
  /** Whether a CLEAR is. */
  isRefusingClear = false;
  #isInGroup = false;

  check(): void {
    if (this.isRefusing) throw new CryptomemError("STORAGE", "Cannot keep the change: the test says so");
  }

  begin(expectedBytes: number): void {
    this.check();
    assert(!this.#isInGroup, "a group begins in a group");
    this.#isInGroup = true;
    this.told.push(`begin ${expectedBytes}`);
  }

  end(): void {
    assert(this.#isInGroup, "a group ends that has not begun");
    this.#isInGroup = false;
    this.told.push("end");
  }

  put(key: ByteRange, value: ByteRange, expiryMs: number): void {
    const name = nameOf(key), entry = { value: nameOf(value), expiryMs };
    this.told.push(`put ${name} ${value.length > 100 ? `${value.length} bytes` : entry.value} ${expiryMs}`);
    this.entries.delete(name);
    this.entries.set(name, entry);
  }

  remove(key: ByteRange): void {
    const name = nameOf(key);
    this.told.push(`remove ${name}`);
    assert(this.entries.delete(name), `removed though it was not there: ${name}`);
  }

  expiry(key: ByteRange, expiryMs: number): void {
    const name = nameOf(key), entry = this.entries.get(name);
    this.told.push(`expiry ${name} ${expiryMs}`);
    assert(entry !== undefined, `another expiry though it was not there: ${name}`);
    assert(entry.expiryMs !== expiryMs, `the same expiry once more: ${name}`);
    this.entries.set(name, { ...entry, expiryMs });
  }

  clear(prefix: Uint8Array): void {
    const start = binaryText(prefix);
    if (this.isRefusingClear) throw new CryptomemError("STORAGE", "Cannot keep the CLEAR: the test says so");
    this.told.push(`clear ${start}`);
    for (const name of this.entries.keys()) if (name.startsWith(start)) this.entries.delete(name);
  }

  rename(from: ByteRange, to: ByteRange): void {
    const name = nameOf(from), newName = nameOf(to), entry = this.entries.get(name);
    this.told.push(`rename ${name} ${newName}`);
    assert(entry !== undefined && name !== newName, `renamed though it was not there: ${name}`);
    this.entries.delete(name);
    this.entries.delete(newName);
    this.entries.set(newName, entry);
  }

  /** What of it is not over. */
  living(clock: Clock): ToldContent {
    const nowMs = clock.nowMs();
    return new Map([...this.entries].filter(([, { expiryMs }]) => expiryMs === 0 || expiryMs > nowMs));
  }
}

/** Takes back what it has been told of since it was last settled. */
export class TakenBack implements UndoJournal {
  readonly #engine: Engine;
  #steps: (() => void)[] = [];
  #clears: HeldClear[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** How many steps it would take back. */
  get steps(): number {
    return this.#steps.length;
  }

  previous(key: ByteRange, value: ByteRange | undefined, expiryMs: number): void {
    const keyBytes = key.copy(), valueBytes = value?.copy();
    this.#steps.push(() => {
      const range = valueBytes === undefined ? undefined : ByteRange.of(valueBytes);
      this.#engine.replay.takeBack(ByteRange.of(keyBytes), range, expiryMs);
    });
  }

  previousExpiry(key: ByteRange, expiryMs: number): void {
    const keyBytes = key.copy();
    this.#steps.push(() => this.#engine.replay.expiry(ByteRange.of(keyBytes), expiryMs));
  }

  cleared(clear: HeldClear): void {
    this.#clears.push(clear);
    this.#steps.push(() => clear.cancel());
  }

  /** All of it is kept. */
  settle(): void {
    for (const clear of this.#clears) clear.release();
    this.#forget();
  }

  /** None of it is. */
  takeBack(): void {
    const steps = this.#steps;
    for (let i = steps.length; i-- > 0;) steps[i]!();
    // Taking back is nothing that could be taken back.
    assertEquals(this.#steps.length, steps.length);
    this.#forget();
  }

  #forget(): void {
    this.#steps = [];
    this.#clears = [];
  }
}

/** The entries that a snapshot gives; none may come twice. */
export class GivenEntries implements SnapshotSink {
  readonly entries: Map<string, ToldEntry> = new Map<string, ToldEntry>();

  add(key: ByteRange, value: ByteRange, expiryMs: number): void {
    const name = nameOf(key);
    assert(!this.entries.has(name), `given twice: ${name}`);
    this.entries.set(name, { value: nameOf(value), expiryMs });
  }
}

/** Compares what an engine answers, key by key, with entries of the same clock. */
export function assertHolds(engine: Engine, expected: ToldContent, clock: Clock): void {
  const names = new Set<string>();
  engine.scan(0, Infinity, new Uint8Array(0), (key) => names.add(nameOf(key)));
  const missing = [...expected.keys()].filter((name) => !names.has(name));
  const unknown = [...names].filter((name) => !expected.has(name));
  assertEquals({ missing, unknown }, { missing: [], unknown: [] });
  const found = new ByteRange();
  for (const [name, { value, expiryMs }] of expected) {
    const key = ByteRange.of(bytesOfBinaryText(name));
    assert(engine.getVersioned(key, found) > 0, name);
    assert(nameOf(found) === value, `the value of ${name} is another`);
    assertEquals(engine.ttlMs(key), expiryMs === 0 ? -1 : Math.max(1, Math.floor(expiryMs - clock.nowMs())), name);
  }
}

/** Compares two sets of entries. */
export function assertSame(actual: ToldContent, expected: ToldContent): void {
  // A Map of thousands of entries would be printed whole.
  const differing = [...expected].filter(([name, entry]) => {
    const other = actual.get(name);
    return other?.value !== entry.value || other.expiryMs !== entry.expiryMs;
  }).map(([name]) => name);
  const unknown = [...actual.keys()].filter((name) => !expected.has(name));
  assertEquals({ differing, unknown }, { differing: [], unknown: [] });
}

function nameOf(range: ByteRange): string {
  return binaryText(range.bytes.subarray(range.start, range.start + range.length));
}
