/**
 * A data directory in the making, for tests of what is read from it: entries in a Map, every change of which goes into the
 * append log, and a snapshot when the test wants one. It remembers how the entries were after each record, so that what is
 * loaded later can be told to be a state that was.
 *
 * @module
 */

import { binaryText, ByteRange, utf8 } from "../../lib/bytes.ts";
import { AppendLog, type AppendLogOptions } from "../../lib/persistence/append_log.ts";
import type { LogJournal } from "../../lib/persistence/log_journal.ts";
import { SnapshotWriter } from "../../lib/persistence/snapshot_writer.ts";
import { UnixTime } from "../../lib/unix_time.ts";
import { FakeClock } from "./fake_clock.ts";
import { FaultDisk } from "./fault_disk.ts";
import type { Random } from "./random.ts";
import { RecoveredMap } from "./recovered_map.ts";

/** Bytes, or the UTF-8 of a text. */
export type Bytes = string | Uint8Array;

/** See the module. */
export class LoggedDirectory {
  readonly clock: FakeClock;
  readonly disk: FaultDisk;
  readonly map: RecoveredMap;
  /** The state after so many records. */
  readonly states: string[];
  /** Of the log that is being written. */
  generation: number;
  #log: AppendLog | undefined;

  private constructor(disk: FaultDisk, clock: FakeClock, map: RecoveredMap, generation: number) {
    this.disk = disk;
    this.clock = clock;
    this.map = map;
    this.generation = generation;
    this.states = [map.state()];
  }

  /** One without a file, or with a first log. */
  static async begin(clock: FakeClock = new FakeClock(), disk: FaultDisk = new FaultDisk()): Promise<LoggedDirectory> {
    const directory = new LoggedDirectory(disk, clock, new RecoveredMap(), 1);
    directory.#log = await AppendLog.begin(directory.#options(), 1);
    return directory;
  }

  /** Goes on with what was loaded from a disk. */
  static async resume(
    disk: FaultDisk,
    clock: FakeClock,
    loaded: { map: RecoveredMap; log: number; logBytes: number },
  ): Promise<LoggedDirectory> {
    const directory = new LoggedDirectory(disk, clock, loaded.map, loaded.log);
    directory.#log = await AppendLog.resume(directory.#options(), loaded.log, loaded.logBytes);
    return directory;
  }

  put(key: Bytes, value: Bytes, ttlMs: number = 0): void {
    const expiryMs = ttlMs === 0 ? 0 : this.clock.nowMs() + ttlMs;
    this.#journal.put(range(key), range(value), expiryMs);
    this.map.put(range(key), range(value), this.#date(expiryMs));
  }

  remove(key: Bytes): void {
    this.#journal.remove(range(key));
    this.map.remove(range(key));
  }

  expiry(key: Bytes, ttlMs: number): void {
    const expiryMs = ttlMs === 0 ? 0 : this.clock.nowMs() + ttlMs;
    this.#journal.expiry(range(key), expiryMs);
    this.map.expiry(range(key), this.#date(expiryMs));
  }

  clear(prefix: Bytes): void {
    this.#journal.clear(range(prefix).copy());
    this.map.clear(range(prefix));
  }

  rename(from: Bytes, to: Bytes): void {
    this.#journal.rename(range(from), range(to));
    this.map.rename(range(from), range(to));
  }

  /** Writes the changes so far as one record. */
  async record(): Promise<void> {
    await this.#log!.pending();
    this.states.push(this.map.state());
  }

  /** Records of random changes. */
  async recordAtRandom(random: Random, records: number): Promise<void> {
    for (let i = 0; i < records; i++) {
      this.put("count", String(this.states.length));
      const key = `key ${random.below(9)}`;
      switch (random.below(8)) {
        case 0:
          this.remove(key);
          break;
        case 1:
          this.expiry(key, 1 + random.below(1_000_000_000));
          break;
        case 2:
          if (this.map.entries.has(key)) this.rename(key, `key ${random.below(9)}`);
          break;
        case 3:
          if (random.below(3) === 0) this.clear("key");
          break;
        default:
          this.put(key, random.bytes(random.below(40)), random.below(2) * 1_000_000_000);
      }
      this.clock.advance(random.below(1000));
      await this.record();
    }
  }

  /** The next generation: its log, and the snapshot of this moment unless told otherwise. */
  async nextGeneration(options: { withoutSnapshot?: boolean } = {}): Promise<void> {
    const switched = this.#log!.switchTo(++this.generation);
    await switched;
    if (!options.withoutSnapshot) await writeSnapshot(this.disk, this.generation, this.map, this.clock.wallMs());
  }

  /** Lets the log go, as it is at an orderly end. */
  async close(): Promise<void> {
    await this.#log?.close();
  }

  get #journal(): LogJournal {
    return this.#log!.journal;
  }

  #date(expiryMs: number): number {
    return expiryMs === 0 ? 0 : this.clock.wallMs() - this.clock.nowMs() + expiryMs;
  }

  #options(): AppendLogOptions {
    return {
      disk: this.disk,
      mode: "always",
      clock: this.clock,
      unixTime: new UnixTime(this.clock),
      startNextGeneration: () => Promise.reject(new Error("the tests that use this do not let the disk fail")),
      log: (line) => {
        throw new Error(line);
      },
    };
  }
}

/** A snapshot of all entries of a map. */
export async function writeSnapshot(
  disk: FaultDisk,
  generation: number,
  map: RecoveredMap,
  takenUnixMs: number,
): Promise<void> {
  const writer = new SnapshotWriter(disk, { generation, takenUnixMs });
  map.visit((key, value, expiryUnixMs) => writer.add(key, value, expiryUnixMs));
  await writer.finish();
}

/** A range over bytes, or over the UTF-8 of a text. */
export function range(bytes: Bytes): ByteRange {
  return ByteRange.of(typeof bytes === "string" ? utf8(bytes) : bytes);
}

/** All files of a disk as one text each, to see whether anything has changed. */
export function filesOf(disk: FaultDisk): Record<string, string> {
  return Object.fromEntries(disk.names().map((name) => [name, binaryText(disk.bytesOf(name))]));
}

/** A disk with the same files, some of them changed, or gone where `undefined`. */
export function diskLike(disk: FaultDisk, changes: Record<string, Uint8Array | undefined> = {}): FaultDisk {
  const like = new FaultDisk();
  for (const name of new Set([...disk.names(), ...Object.keys(changes)])) {
    const bytes = name in changes ? changes[name] : disk.bytesOf(name);
    if (bytes !== undefined) like.put(name, bytes);
  }
  return like;
}

/** A copy of bytes with one bit flipped. */
export function withBitFlipped(bytes: Uint8Array, bit: number): Uint8Array<ArrayBuffer> {
  const copy = bytes.slice();
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy as Uint8Array<ArrayBuffer>;
}
