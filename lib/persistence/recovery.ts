/**
 * Loads what a data directory holds: the newest snapshot, then all changes since.
 *
 * All of it or nothing: whoever calls it serves nothing until it has resolved, and throws away what was loaded if it
 * throws. It changes the directory in two ways only, and only when everything has been read: a torn end of the last log
 * is cut off, and loose logs (chain.ts) get another name.
 *
 * **Expiry.** While changes are told nothing expires, however long ago it was: a later one may have given the entry more
 * time. At the end, what is over by the date goes. The date may be wrong: where it is earlier than a moment at which
 * something was written, nobody knows how long the server was down, so all entries with an expiry go. A cache can lose an
 * entry; a session that has ended must not come back.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import { TRUSTED_CLOCK_SKEW_MS } from "./limits.ts";
import { type Chain, checkGeneration, checkLogEnd, findChain } from "./chain.ts";
import type { ChangeVisitor } from "./changes.ts";
import { listGenerations, logName, snapshotName } from "./data_directory.ts";
import { type Disk, withFile } from "./disk.ts";
import type { LogHeader } from "./log_layout.ts";
import { type LogEnd, LogReader } from "./log_reader.ts";
import { setAside } from "./set_aside.ts";
import { SnapshotReader } from "./snapshot_reader.ts";
import { explain } from "./unusable_file.ts";

/**
 * What entries are loaded into. No operation of it looks at expiries, but the last. A change of an entry that is not there
 * does nothing; only RENAME removes what the new key has, also if the old one has nothing.
 */
export interface Recovered extends ChangeVisitor {
  /**
   * Removes the entries that expire at a moment or before it; those without expiry stay.
   *
   * @param unixMs Infinity for all that expire at all
   * @returns how many there were
   */
  dropExpiring(unixMs: number): number;
}

/** What was loaded at the start. */
export interface RecoveryState {
  /** Generation of the snapshot that was loaded, 0 if there was none. */
  readonly snapshot: number;
  /** Generation of the last log that was read, 0 if there was none. */
  readonly log: number;
  /** Entries of the snapshot. */
  readonly entries: number;
  /** Changes in the logs. */
  readonly changes: number;
  /** Entries that were not kept because their time was over, or cannot be known. */
  readonly dropped: number;
  /** Bytes of all files that were read. */
  readonly bytes: number;
  /** Bytes that were cut off the last log. */
  readonly cutBytes: number;
  /** How long it took. */
  readonly durationMs: number;
}

/** What a recovery found and did. */
export interface Recovery extends RecoveryState {
  /** Where the last whole record of the last log ends; from there it can be written on. */
  readonly logBytes: number;
  /** What the operator should know, a line each; none if all was in order. */
  readonly warnings: readonly string[];
}

/**
 * Loads a directory that this process alone uses.
 *
 * @throws CryptomemError `STORAGE` in one line that says which file, where, and what can be done; nothing was changed
 * then. Another code if `into` refuses an entry
 */
export async function recover(disk: Disk, into: Recovered, clock: Clock): Promise<Recovery> {
  const recovering = new Recovering(disk, into, clock);
  try {
    return await recovering.run();
  } catch (error) {
    throw explain(error, disk.path, recovering.file);
  }
}

/** One recovery. */
class Recovering {
  /** Which file is being read or changed. */
  file = "";
  readonly #disk: Disk;
  readonly #into: ExpiryWatch;
  readonly #clock: Clock;
  readonly #warnings: string[] = [];
  /** The latest moment at which something was written. */
  #latestUnixMs = 0;
  #bytes = 0;

  constructor(disk: Disk, into: Recovered, clock: Clock) {
    this.#disk = disk;
    this.#into = new ExpiryWatch(into);
    this.#clock = clock;
  }

  async run(): Promise<Recovery> {
    const startMs = this.#clock.nowMs();
    const chain = await findChain(this.#disk, await listGenerations(this.#disk));
    const entries = chain.snapshot === 0 ? 0 : await this.#loadSnapshot(chain.snapshot);
    let changes = 0;
    let end: LogEnd | undefined;
    for (const [index, header] of chain.logs.entries()) {
      end = await this.#loadLog(header, chain.logs[index + 1]);
      changes += end.changes;
    }
    const dropped = this.#dropExpired();
    // From here on everything has been read, and is good.
    const log = chain.logs.at(-1)?.generation ?? 0;
    if (end !== undefined && end.restBytes > 0) await this.#cut(logName(log), end);
    await this.#setAsideLoose(chain);
    return {
      snapshot: chain.snapshot,
      log,
      logBytes: end?.wholeBytes ?? 0,
      entries,
      changes,
      dropped,
      bytes: this.#bytes,
      cutBytes: end?.restBytes ?? 0,
      durationMs: this.#clock.nowMs() - startMs,
      warnings: this.#warnings,
    };
  }

  #loadSnapshot(generation: number): Promise<number> {
    const name = this.file = snapshotName(generation);
    return withFile(this.#disk, name, async (file) => {
      const reader = await SnapshotReader.open(file);
      checkGeneration(name, reader.header, generation);
      const entries = await reader.read((key, value, expiryUnixMs) => this.#into.put(key, value, expiryUnixMs));
      this.#wrote(reader.header.takenUnixMs);
      this.#bytes += await file.size();
      return entries;
    });
  }

  /** @param next the header of the log that goes on from it, if there is one */
  #loadLog(header: LogHeader, next: LogHeader | undefined): Promise<LogEnd> {
    const name = this.file = logName(header.generation);
    return withFile(this.#disk, name, async (file) => {
      const end = await (await LogReader.open(file)).replay(this.#into);
      checkLogEnd(name, end, next);
      this.#wrote(Math.max(header.begunUnixMs, end.lastUnixMs));
      this.#bytes += end.wholeBytes + end.restBytes;
      return end;
    });
  }

  #wrote(unixMs: number): void {
    this.#latestUnixMs = Math.max(this.#latestUnixMs, unixMs);
  }

  #dropExpired(): number {
    const behindMs = this.#latestUnixMs - this.#clock.wallMs();
    const isTrusted = behindMs <= TRUSTED_CLOCK_SKEW_MS;
    const overUnixMs = isTrusted ? this.#clock.wallMs() + Math.max(0, behindMs) : Infinity;
    // Walking over all entries is spared where it would find none.
    const dropped = this.#into.earliestUnixMs <= overUnixMs ? this.#into.recovered.dropExpiring(overUnixMs) : 0;
    if (!isTrusted && dropped > 0) {
      this.#warnings.push(
        `${this.#disk.path}: the clock is ${behindMs} ms behind what was last written, so nobody can tell whether ` +
          `entries with an expiry are over: ${dropped} were not loaded`,
      );
    }
    return dropped;
  }

  async #cut(name: string, { wholeBytes, restBytes, hasRecordsInRest }: LogEnd): Promise<void> {
    this.file = name;
    const file = await this.#disk.openAppend(name);
    try {
      await file.truncate(wholeBytes);
      await file.sync();
    } finally {
      file.close();
    }
    const lost = hasRecordsInRest ? ", with changes in them that were not synced yet" : "";
    this.#warnings.push(
      `${this.#disk.path}/${name}: the last write was torn; cut off ${restBytes} bytes behind the last whole record, at ` +
        `offset ${wholeBytes}${lost}`,
    );
  }

  async #setAsideLoose({ loose }: Chain): Promise<void> {
    for (const generation of loose) {
      const name = this.file = logName(generation);
      const aside = await setAside(this.#disk, name, this.#clock.wallMs());
      this.#warnings.push(
        `${this.#disk.path}/${name}: not loaded, for the log before it had failed and the snapshot it needs was not ` +
          `finished; it is now called ${aside}`,
      );
    }
    if (loose.length > 0) await this.#disk.syncDirectory();
  }
}

/** Passes changes on, and remembers the earliest expiry that any of them set. */
class ExpiryWatch implements ChangeVisitor {
  readonly recovered: Recovered;
  earliestUnixMs = Infinity;

  constructor(recovered: Recovered) {
    this.recovered = recovered;
  }

  put(key: ByteRange, value: ByteRange, expiryUnixMs: number): void {
    if (expiryUnixMs !== 0 && expiryUnixMs < this.earliestUnixMs) this.earliestUnixMs = expiryUnixMs;
    this.recovered.put(key, value, expiryUnixMs);
  }

  remove(key: ByteRange): void {
    this.recovered.remove(key);
  }

  expiry(key: ByteRange, expiryUnixMs: number): void {
    if (expiryUnixMs !== 0 && expiryUnixMs < this.earliestUnixMs) this.earliestUnixMs = expiryUnixMs;
    this.recovered.expiry(key, expiryUnixMs);
  }

  clear(prefix: ByteRange): void {
    this.recovered.clear(prefix);
  }

  rename(from: ByteRange, to: ByteRange): void {
    this.recovered.rename(from, to);
  }
}
