/**
 * Makes a data directory loadable again that is not, at the price of what cannot be read: goes back to a state that the
 * server once had, and says what is lost.
 *
 * Nothing is deleted. A file that is changed is copied first, one that is of no use gets another name (set_aside.ts).
 * Interrupted at any point, it can be run again and comes to the same state.
 *
 * - A header of which one byte is wrong is put right: the checksum says which byte it was.
 * - A log is cut behind its last record before the damage. What comes later, in it or in later logs, cannot be applied:
 *   it would meet entries as they never were.
 * - A damaged snapshot is left out, and the one before it, or the first log, taken with the logs since; so nothing is lost
 *   if those are kept. Only where there is nothing before it is it cut behind its last good block: the entries behind that
 *   are lost, the others are right.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { CryptomemError } from "../errors.ts";
import { readU32 } from "./big_endian.ts";
import { check, type FileReport, inspect, isoTime } from "./check.ts";
import { crc32 } from "./checksum.ts";
import { DataDirectory, logName, unfinishedName } from "./data_directory.ts";
import { appendAll, type Disk, readAll, withFile } from "./disk.ts";
import { LOG_HEADER_BYTES, readLogHeader } from "./log_layout.ts";
import { copyAside, copyPart, setAside } from "./set_aside.ts";
import { endBlock, readSnapshotHeader, SNAPSHOT_HEADER_BYTES } from "./snapshot_layout.ts";

/**
 * Repairs a directory that no server uses.
 *
 * @returns what was done and what is lost, a line each, for the operator
 * @throws CryptomemError `STORAGE` if another process uses it; if a file is a stranger's, of another version or cannot be
 * read, which no repair can help: then nothing is changed
 */
export async function repair(disk: Disk, clock: Clock): Promise<readonly string[]> {
  try {
    const directory = await DataDirectory.open(disk);
    try {
      return await new Repair(disk, clock.wallMs()).run();
    } finally {
      directory.close();
    }
  } catch (error) {
    throw error instanceof CryptomemError ? error : cannotRepair(disk, (error as Error).message, { cause: error });
  }
}

class Repair {
  readonly #disk: Disk;
  /** For the names of what is kept. */
  readonly #unixMs: number;
  readonly #lines: string[] = [];

  constructor(disk: Disk, unixMs: number) {
    this.#disk = disk;
    this.#unixMs = unixMs;
  }

  async run(): Promise<readonly string[]> {
    const { files } = await check(this.#disk);
    for (const { name, state, finding } of files) {
      if (state === "whole" || state === "torn" || state === "damaged") continue;
      throw cannotRepair(this.#disk, `${name}: ${finding}. Move it away first; nothing was changed`);
    }
    const mended: FileReport[] = [];
    for (const file of files) mended.push(await this.#mend(file));
    const snapshots = mended.filter(({ kind }) => kind === "snapshot");
    const logs = mended.filter(({ kind }) => kind === "log");
    const base = await this.#chooseBase(snapshots, logs);
    const end = await this.#followLogs(base, logs.filter(({ generation }) => generation >= base.generation));
    if (this.#lines.length > 0) {
      await this.#disk.syncDirectory();
      const { problem } = await check(this.#disk);
      if (problem !== "") throw cannotRepair(this.#disk, problem);
      this.#tellLoss(snapshots, end);
    } else this.#lines.push("Nothing had to be repaired.");
    for (const { name, generation, state } of mended) {
      if (state !== "damaged" || generation >= base.generation) continue;
      this.#lines.push(`${name}: damaged, but older than what a server starts from; left as it is`);
    }
    return this.#lines;
  }

  /** Puts right what can be without a loss: a wrong byte of a header, and what lies behind the end of a snapshot. */
  async #mend(file: FileReport): Promise<FileReport> {
    if (file.isComplete && file.state === "damaged") await this.#cut(file, file.goodBytes);
    else if (file.state === "damaged" && file.goodBytes === 0) {
      const header = await this.#read(file.name, file.kind === "log" ? LOG_HEADER_BYTES : SNAPSHOT_HEADER_BYTES);
      if (!findWrongByte(header) || !isHeaderOf(file, header)) return file;
      const kept = await this.#rewrite(file.name, { head: header, end: file.bytes });
      this.#lines.push(`${file.name}: one wrong byte of its header put right; as it was it is kept as ${kept}`);
    } else return file;
    const mended = await inspect(this.#disk, file.kind, file.generation);
    if (mended.state === "unreadable") throw cannotRepair(this.#disk, `${file.name}: ${mended.finding}`);
    return mended;
  }

  /** Finds a snapshot that can be loaded; the rest of its loss is told at the end. */
  async #chooseBase(snapshots: readonly FileReport[], logs: readonly FileReport[]): Promise<State> {
    let base = snapshots.findLast(({ state }) => state === "whole");
    if (base === undefined && logs[0]?.generation !== 1) {
      base = snapshots.findLast(({ goodBytes }) => goodBytes > 0);
      if (base !== undefined) {
        await this.#cut(base, base.goodBytes, endBlock(base.generation, base.count, base.pieces));
        this.#lines.push(`${base.name}: ${base.count} entries of it are left, and there is no snapshot before it`);
      }
    }
    const { generation, unixMs } = base ?? NOTHING;
    for (const file of snapshots) {
      if (file.generation <= generation) continue;
      await this.#setAside(file, `damaged at offset ${file.goodBytes}, ${file.finding}`);
    }
    return { generation, unixMs };
  }

  /** Cuts what cannot be read, and leaves out what cannot be applied. Returns the state that is reached. */
  async #followLogs(base: State, logs: readonly FileReport[]): Promise<State> {
    let state = base;
    let obstacle = base.generation === 0 && logs[0]?.generation !== 1 ? "there is nothing before it" : "";
    let expected = Math.max(1, base.generation);
    for (const [index, file] of logs.entries()) {
      if (obstacle === "") obstacle = obstacleBefore(file, expected, index);
      if (file.log === undefined || obstacle !== "") {
        await this.#setAside(file, `${file.count} changes of it cannot be applied, for ${obstacle}`);
        continue;
      }
      // Where the next one says that it goes on, if that is within what is good.
      const next = logs[index + 1];
      const nextStart = next?.generation === expected + 1 ? next.log?.header.previousBytes ?? 0 : 0;
      const { wholeBytes, lastUnixMs } = file.log.end;
      const isContinued = nextStart > 0 && nextStart <= wholeBytes;
      const length = isContinued ? nextStart : wholeBytes;
      if (length < file.bytes) await this.#cut(file, length);
      if (nextStart > wholeBytes) obstacle = `${nextStart - wholeBytes} bytes are missing at the end of ${file.name}`;
      state = { generation: expected++, unixMs: lastUnixMs };
    }
    return state;
  }

  #tellLoss(snapshots: readonly FileReport[], { generation, unixMs }: State): void {
    const newest = snapshots.at(-1);
    if (newest !== undefined && newest.generation > generation) {
      const until = newest.goodBytes > 0 ? ` and before ${isoTime(newest.unixMs)}` : "";
      this.#lines.push(`${newest.name}: what changed after ${isoTime(unixMs)}${until} is lost`);
    }
    const what = unixMs === 0 ? "without entries" : `as of ${isoTime(unixMs)}`;
    this.#lines.push(`A server now starts from ${this.#disk.path} ${what}.`);
  }

  async #setAside({ name }: FileReport, reason: string): Promise<void> {
    const aside = await setAside(this.#disk, name, this.#unixMs);
    this.#lines.push(`${name}: ${reason}; it is now called ${aside}`);
  }

  /** Keeps the beginning of a file. */
  async #cut({ name, bytes }: FileReport, end: number, tail?: Uint8Array): Promise<void> {
    const kept = await this.#rewrite(name, { end, tail });
    this.#lines.push(`${name}: ${bytes - end} bytes from offset ${end} on cut off; the whole is kept as ${kept}`);
  }

  /**
   * Changes a file, all at once, after copying it.
   *
   * @param parts what it begins with instead, where what it has ends, and what comes behind that
   * @returns the name of the copy
   */
  async #rewrite(
    name: string,
    parts: { head?: Uint8Array; end: number; tail?: Uint8Array | undefined },
  ): Promise<string> {
    const { head = NO_BYTES, end, tail = NO_BYTES } = parts;
    const disk = this.#disk;
    const kept = await copyAside(disk, name, this.#unixMs);
    const rewritten = await disk.create(unfinishedName(name));
    try {
      await appendAll(rewritten, head);
      await withFile(disk, name, (file) => copyPart(file, head.length, end, rewritten));
      await appendAll(rewritten, tail);
      await rewritten.sync();
    } finally {
      rewritten.close();
    }
    await disk.rename(unfinishedName(name), name);
    await disk.syncDirectory();
    return kept;
  }

  #read(name: string, length: number): Promise<Uint8Array<ArrayBuffer>> {
    return withFile(this.#disk, name, async (file) => {
      const bytes = new Uint8Array(length);
      return bytes.subarray(0, await readAll(file, 0, bytes));
    });
  }
}

function cannotRepair({ path }: Disk, state: string, options?: ErrorOptions): CryptomemError {
  return new CryptomemError("STORAGE", `Cannot repair ${path}: ${state}`, options);
}

/** How far what can be loaded goes. */
interface State {
  /** Of the last snapshot or log. */
  readonly generation: number;
  /** Unix time of the last change. */
  readonly unixMs: number;
}

const NO_BYTES = new Uint8Array(0);
const NOTHING: State = { generation: 0, unixMs: 0 };

/** Why a log cannot be applied behind those before it; "" if it can. */
function obstacleBefore({ generation, log }: FileReport, expected: number, index: number): string {
  if (generation !== expected) return `${logName(expected)} is missing`;
  if (log === undefined) return "its header is damaged";
  return index > 0 && log.header.previousBytes === 0 ? "it does not go on from the log before it" : "";
}

/** Makes the checksum of a header right by changing one byte, if that can be. Returns whether it could. */
function findWrongByte(header: Uint8Array): boolean {
  const covered = header.subarray(0, -4);
  for (let at = 0; at < header.length; at++) {
    const found = header[at]!;
    for (let value = 0; value < 256; value++) {
      header[at] = value;
      if (crc32(covered) === readU32(header, covered.length)) return true;
    }
    header[at] = found;
  }
  return false;
}

function isHeaderOf({ name, kind, generation }: FileReport, header: Uint8Array): boolean {
  try {
    return (kind === "log" ? readLogHeader(name, header) : readSnapshotHeader(header, name)).generation === generation;
  } catch {
    return false;
  }
}
