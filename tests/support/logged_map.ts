/**
 * A store for tests of the append log: a Map that tells its changes, in groups, and remembers how it was after each of
 * them. What is found on a disk later must be one of these states, and none before the last that was acknowledged.
 *
 * @module
 */

import { ByteRange, textOf, utf8 } from "../../lib/bytes.ts";
import type { ChangeVisitor } from "../../lib/persistence/changes.ts";
import { AppendLog, type AppendLogOptions, type LogMode } from "../../lib/persistence/append_log.ts";
import { listGenerations, logName, snapshotName, unfinishedName } from "../../lib/persistence/data_directory.ts";
import { appendAll, type Disk } from "../../lib/persistence/disk.ts";
import { type LogEnd, LogReader } from "../../lib/persistence/log_reader.ts";
import { UnixTime } from "../../lib/unix_time.ts";
import { FakeClock } from "./fake_clock.ts";
import type { Random } from "./random.ts";

/** Entries as text: value and expiry. */
type Entries = Map<string, string>;

/** Applies changes to entries. */
export class MapVisitor implements ChangeVisitor {
  readonly entries: Entries;

  constructor(entries: Entries = new Map()) {
    this.entries = entries;
  }

  put(key: ByteRange, value: ByteRange, expiryUnixMs: number): void {
    this.entries.set(textOf(key.copy()), `${textOf(value.copy())} until ${expiryUnixMs}`);
  }

  remove(key: ByteRange): void {
    this.entries.delete(textOf(key.copy()));
  }

  expiry(key: ByteRange, expiryUnixMs: number): void {
    const name = textOf(key.copy());
    const entry = this.entries.get(name);
    if (entry !== undefined) this.entries.set(name, entry.replace(/ until \d+$/, ` until ${expiryUnixMs}`));
  }

  clear(prefix: ByteRange): void {
    const text = textOf(prefix.copy());
    for (const key of [...this.entries.keys()]) if (key.startsWith(text)) this.entries.delete(key);
  }

  rename(from: ByteRange, to: ByteRange): void {
    const entry = this.entries.get(textOf(from.copy()));
    this.entries.delete(textOf(from.copy()));
    if (entry !== undefined) this.entries.set(textOf(to.copy()), entry);
  }
}

/** All of some entries as one text, to be compared. */
export function stateOf(entries: Entries): string {
  return JSON.stringify([...entries].sort(([a], [b]) => a < b ? -1 : 1));
}

const COUNT_KEY = "count";

/** A Map and its log on a disk. */
export class LoggedMap {
  readonly clock = new FakeClock();
  readonly disk: Disk;
  /** The state after so many groups. */
  readonly states: string[] = [stateOf(new Map())];
  /** How many groups were acknowledged, the last of them included. */
  acknowledged = 0;
  /** Lines that the log has told. */
  readonly lines: string[] = [];
  /** What each group does beside counting; more of it for longer logs. */
  maxValueBytes = 40;
  log!: AppendLog;
  readonly #unixTime = new UnixTime(this.clock);
  readonly #random: Random;
  readonly #visitor: MapVisitor;
  #generation = 0;

  private constructor(disk: Disk, random: Random, entries: Entries) {
    this.disk = disk;
    this.#random = random;
    this.#visitor = new MapVisitor(entries);
    if (entries.size > 0) this.states.push(stateOf(entries));
  }

  /** A new one. */
  static async begin(disk: Disk, mode: LogMode, random: Random): Promise<LoggedMap> {
    const map = new LoggedMap(disk, random, new Map());
    map.log = await AppendLog.begin(map.#options(mode), ++map.#generation);
    return map;
  }

  /** Goes on with what was found on a disk. */
  static async resume(disk: Disk, mode: LogMode, random: Random): Promise<LoggedMap> {
    const { entries, generation, end } = await recoverMap(disk);
    const map = new LoggedMap(disk, random, entries);
    map.#generation = generation;
    map.log = await AppendLog.resume(map.#options(mode), generation, end.wholeBytes);
    return map;
  }

  /** How many groups there have been. */
  get groups(): number {
    return this.states.length - 1;
  }

  /** Makes a group of random changes. Throws if the log refuses it. */
  change(): void {
    const random = this.#random;
    this.log.journal.begin();
    try {
      this.put(COUNT_KEY, String(this.groups + 1), 0);
      for (let changes = random.below(4); changes > 0; changes--) this.#changeAtRandom();
    } finally {
      this.log.journal.end();
    }
    this.states.push(stateOf(this.#visitor.entries));
  }

  /** Makes a group and resolves when the log says that it is kept; `false` if it is not. */
  async acknowledgedChange(): Promise<boolean> {
    try {
      this.change();
    } catch {
      return false;
    }
    const group = this.groups;
    try {
      await this.log.pending();
    } catch {
      return false;
    }
    this.acknowledged = Math.max(this.acknowledged, group);
    return true;
  }

  put(key: string, value: string, ttlMs: number): void {
    const expiryMs = ttlMs === 0 ? 0 : Math.ceil(this.clock.nowMs() + ttlMs);
    this.log.journal.put(range(key), range(value), expiryMs);
    this.#visitor.put(range(key), range(value), this.#date(expiryMs));
  }

  /** The next generation: switches, and writes the snapshot of that moment. */
  readonly startNextGeneration = async (): Promise<void> => {
    const generation = ++this.#generation;
    const switched = this.log.switchTo(generation);
    const state = stateOf(this.#visitor.entries);
    await switched;
    const name = snapshotName(generation);
    const file = await this.disk.create(unfinishedName(name));
    try {
      await appendAll(file, utf8(state));
      await file.sync();
    } catch (error) {
      await this.disk.remove(unfinishedName(name)).catch(() => {});
      throw error;
    } finally {
      file.close();
    }
    await this.disk.rename(unfinishedName(name), name);
    await this.disk.syncDirectory();
  };

  /** Switches to the next log without a snapshot. */
  switchLog(): Promise<void> {
    return this.log.switchTo(++this.#generation);
  }

  #changeAtRandom(): void {
    const random = this.#random;
    const { journal } = this.log;
    const key = `key ${random.below(9)}`;
    switch (random.below(8)) {
      case 0:
        journal.remove(range(key));
        this.#visitor.remove(range(key));
        break;
      case 1: {
        const expiryMs = Math.ceil(this.clock.nowMs()) + random.below(1_000_000);
        journal.expiry(range(key), expiryMs);
        this.#visitor.expiry(range(key), this.#date(expiryMs));
        break;
      }
      case 2: {
        const to = `key ${random.below(9)}`;
        journal.rename(range(key), range(to));
        this.#visitor.rename(range(key), range(to));
        break;
      }
      case 3:
        if (random.below(4) > 0) break;
        journal.clear(utf8("key"));
        this.#visitor.clear(range("key"));
        break;
      default:
        this.put(key, "v".repeat(random.below(this.maxValueBytes)) + this.groups, random.below(3) * 60_000);
    }
  }

  #date(expiryMs: number): number {
    return expiryMs === 0 ? 0 : this.clock.wallMs() - this.clock.nowMs() + expiryMs;
  }

  #options(mode: LogMode): AppendLogOptions {
    return {
      disk: this.disk,
      mode,
      clock: this.clock,
      unixTime: this.#unixTime,
      startNextGeneration: this.startNextGeneration,
      log: (line) => this.lines.push(line),
    };
  }
}

/** What was found on a disk. */
export interface RecoveredMap {
  readonly entries: Entries;
  /** How many groups are in it. */
  readonly groups: number;
  /** Of the last log. */
  readonly generation: number;
  readonly end: LogEnd;
}

/** Reads the newest snapshot and the logs that follow on it; throws where a recovery must refuse. */
export async function recoverMap(disk: Disk): Promise<RecoveredMap> {
  const { snapshots, logs } = await listGenerations(disk);
  const first = snapshots.at(-1) ?? 1;
  const entries: Entries = new Map();
  if (snapshots.length > 0) { for (const [key, entry] of await readSnapshot(disk, first)) entries.set(key, entry); }
  const visitor = new MapVisitor(entries);
  let generation = first;
  let end: LogEnd | undefined;
  for (; logs.includes(generation); generation++) {
    const file = await disk.openRead(logName(generation));
    try {
      const reader = await LogReader.open(file);
      if (generation > first) {
        if (reader.header.previousBytes === 0) break;
        if (end?.state !== "whole" || end.wholeBytes !== reader.header.previousBytes) {
          throw new Error(`log ${generation} goes on from ${reader.header.previousBytes}, not ${JSON.stringify(end)}`);
        }
      }
      end = await reader.replay(visitor);
      if (end.state === "damaged") throw new Error(`log ${generation} is damaged: ${JSON.stringify(end)}`);
    } finally {
      file.close();
    }
  }
  if (end === undefined) throw new Error(`no log of generation ${first} among ${logs}`);
  const groups = Number(entries.get(COUNT_KEY)?.split(" ")[0] ?? 0);
  return { entries, groups, generation: generation - 1, end };
}

async function readSnapshot(disk: Disk, generation: number): Promise<[string, string][]> {
  const file = await disk.openRead(snapshotName(generation));
  try {
    const bytes = new Uint8Array(await file.size());
    await file.read(0, bytes);
    return JSON.parse(textOf(bytes));
  } finally {
    file.close();
  }
}

function range(text: string): ByteRange {
  return ByteRange.of(utf8(text));
}

/** Lets everything that is not held happen. */
export async function turns(count: number = 10): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}
