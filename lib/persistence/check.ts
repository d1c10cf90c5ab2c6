/**
 * Reads every file of a data directory to its end and says what is the matter with it, and whether a server could start
 * from them. It changes nothing, and loads nothing.
 *
 * A directory that a server uses may look torn: the server is writing.
 *
 * @module
 */

import { checkGeneration, checkLogEnd, findChain } from "./chain.ts";
import type { ChangeVisitor } from "./changes.ts";
import { listGenerations, logName, snapshotName } from "./data_directory.ts";
import { type Disk, type DiskFile, withFile } from "./disk.ts";
import type { LogHeader } from "./log_layout.ts";
import { type LogEnd, LogReader } from "./log_reader.ts";
import { MAX_EXPIRY_UNIX_MS } from "./snapshot_layout.ts";
import { SnapshotReader } from "./snapshot_reader.ts";
import { explain, type FileTrouble, UnusableFileError } from "./unusable_file.ts";

/** What one file is like. */
export interface FileReport {
  readonly name: string;
  readonly kind: "snapshot" | "log";
  readonly generation: number;
  /** Length of the file. */
  readonly bytes: number;
  /** `torn`: a log whose last write was cut short, as a crash leaves it. `unreadable`: the disk fails, or it is no file. */
  readonly state: "whole" | "torn" | FileTrouble | "unreadable";
  /** How much of it is good, from the beginning. */
  readonly goodBytes: number;
  /** Entries of a snapshot or changes of a log, in the good part. */
  readonly count: number;
  /** Blocks of a snapshot or records of a log, in the good part. */
  readonly pieces: number;
  /** Unix time of the last moment in the good part, in milliseconds; 0 if even the header is not good. */
  readonly unixMs: number;
  /** What is the matter; "" if it is whole. */
  readonly finding: string;
  /** Of a snapshot: whether all its entries are in the good part, and only something lies behind its end. */
  readonly isComplete: boolean;
  /** Of a log whose header is good: how it goes on from the one before, and how it ends. */
  readonly log: { readonly header: LogHeader; readonly end: LogEnd } | undefined;
}

/** What a directory is like. */
export interface CheckReport {
  /** Snapshots, then logs, each from the oldest on. */
  readonly files: readonly FileReport[];
  /** Why a server would not start, in one line; "" if it would. */
  readonly problem: string;
}

/**
 * Looks at a directory.
 *
 * @throws CryptomemError `STORAGE` if its names alone are not to be understood; also what the disk throws
 */
export async function check(disk: Disk): Promise<CheckReport> {
  const { snapshots, logs } = await listGenerations(disk);
  const files: FileReport[] = [];
  for (const generation of snapshots) files.push(await inspect(disk, "snapshot", generation));
  for (const generation of logs) files.push(await inspect(disk, "log", generation));
  const judged = files.map((file) => judgeEnd(file, reportOf(files, "log", file.generation + 1)));
  return { files: judged, problem: await findProblem(disk, judged) };
}

/** The report as lines for people. */
export function checkLines({ files, problem }: CheckReport): string[] {
  return [...files.map(lineOf), problem === "" ? "A server can start from this." : problem];
}

/** What one file is like. */
export async function inspect(disk: Disk, kind: "snapshot" | "log", generation: number): Promise<FileReport> {
  const name = kind === "snapshot" ? snapshotName(generation) : logName(generation);
  const unknown = { goodBytes: 0, count: 0, pieces: 0, unixMs: 0, isComplete: false, log: undefined };
  const nothing = { name, kind, generation, ...unknown };
  try {
    return await withFile(disk, name, async (file) => {
      const bytes = await file.size();
      try {
        const inspectKind = kind === "snapshot" ? inspectSnapshot : inspectLog;
        return { ...nothing, bytes, state: "whole", finding: "", ...await inspectKind(file, generation) };
      } catch (error) {
        if (!(error instanceof UnusableFileError)) throw error;
        return { ...nothing, bytes, state: error.trouble, finding: error.finding };
      }
    });
  } catch (error) {
    return { ...nothing, bytes: 0, state: "unreadable", finding: (error as Error).message };
  }
}

/** What is found out beyond the obvious. */
type Findings = Partial<FileReport> & Pick<FileReport, "goodBytes" | "count" | "pieces" | "unixMs">;

async function inspectSnapshot(file: DiskFile, generation: number): Promise<Findings> {
  const reader = await SnapshotReader.open(file);
  checkGeneration(file.name, reader.header, generation);
  const unixMs = reader.header.takenUnixMs;
  const damage = await reader.read(() => {}).then(() => undefined, (error) => error);
  const { entries: count, blocks: pieces, isComplete } = reader;
  if (damage === undefined) return { goodBytes: await file.size(), count, pieces, unixMs, isComplete };
  if (!(damage instanceof UnusableFileError)) throw damage;
  const { offset: goodBytes, trouble: state, finding } = damage;
  return { goodBytes, count, pieces, unixMs, isComplete, state, finding };
}

async function inspectLog(file: DiskFile, generation: number): Promise<Findings> {
  const reader = await LogReader.open(file);
  const { header } = reader;
  checkGeneration(file.name, header, generation);
  const end = await logEnd(reader, await file.size());
  const { wholeBytes: goodBytes, restBytes, changes: count, records: pieces, lastUnixMs: unixMs, state } = end;
  const finding = state === "whole" ? "" : `${restBytes} bytes behind the last whole record`;
  return { goodBytes, count, pieces, unixMs, state, finding, log: { header, end } };
}

async function logEnd(reader: LogReader, bytes: number): Promise<LogEnd> {
  const counted = new CountingVisitor();
  try {
    return await reader.replay(counted);
  } catch (error) {
    if (!(error instanceof UnusableFileError)) throw error;
    // A whole record of which not everything is known: what is before it is good.
    const end = {
      state: "damaged",
      hasRecordsInRest: true,
      records: 0,
      lastUnixMs: reader.header.begunUnixMs,
    } as const;
    return { ...end, wholeBytes: error.offset, restBytes: bytes - error.offset, changes: counted.changes };
  }
}

class CountingVisitor implements ChangeVisitor {
  changes = 0;

  put(): void {
    this.changes++;
  }

  remove(): void {
    this.changes++;
  }

  expiry(): void {
    this.changes++;
  }

  clear(): void {
    this.changes++;
  }

  rename(): void {
    this.changes++;
  }
}

/** A log that another goes on from cannot be torn: it was synced before the other was begun. */
function judgeEnd(file: FileReport, next: FileReport | undefined): FileReport {
  if (file.log === undefined || next?.log === undefined || next.log.header.previousBytes === 0) return file;
  try {
    checkLogEnd(file.name, file.log.end, next.log.header);
    return file;
  } catch (error) {
    const { trouble: state, offset: goodBytes, finding } = error as UnusableFileError;
    return { ...file, state, goodBytes, finding };
  }
}

/** Goes the way that a start goes, by what has been found out. */
async function findProblem(disk: Disk, files: readonly FileReport[]): Promise<string> {
  try {
    const { snapshot, logs } = await findChain(disk, await listGenerations(disk));
    if (snapshot !== 0) checkFile(reportOf(files, "snapshot", snapshot)!);
    logs.forEach(({ generation }, index) => {
      const file = reportOf(files, "log", generation)!;
      if (file.log === undefined) checkFile(file);
      else checkLogEnd(file.name, file.log.end, logs[index + 1]);
    });
    return "";
  } catch (error) {
    return explain(error, disk.path, "").message;
  }
}

function reportOf(files: readonly FileReport[], kind: "snapshot" | "log", generation: number): FileReport | undefined {
  return files.find((file) => file.kind === kind && file.generation === generation);
}

function checkFile({ name, state, goodBytes, finding }: FileReport): void {
  if (state === "whole" || state === "torn") return;
  if (state === "unreadable") throw new Error(finding);
  throw new UnusableFileError(name, state, goodBytes, finding);
}

function lineOf({ name, kind, state, bytes, goodBytes, count, unixMs, finding }: FileReport): string {
  const held = `${count} ${kind === "snapshot" ? "entries as of" : "changes up to"} ${isoTime(unixMs)}`;
  if (state === "whole") return `${name}: whole, ${held} (${bytes} bytes)`;
  if (state !== "torn" && state !== "damaged") return `${name}: ${state}, ${finding}`;
  const good = goodBytes === 0 ? "nothing of it can be used" : `before that ${held}`;
  return `${name}: ${state} at offset ${goodBytes} of ${bytes}, ${finding}; ${good}`;
}

/** A moment of a file for people to read. */
export function isoTime(unixMs: number): string {
  return new Date(Math.min(unixMs, MAX_EXPIRY_UNIX_MS)).toISOString();
}
