/**
 * Which files of a data directory make up the entries it holds: the newest snapshot, and all logs from its generation on.
 *
 * A log goes on where the one before ends, as long as it says so. One that says it does not was begun when the log before
 * had failed and a snapshot was to follow; if that snapshot is not there, the server ended before it was. Nothing can be
 * done with such a log, nor with those behind it: they are *loose*.
 *
 * @module
 */

import { CryptomemError } from "../errors.ts";
import { type Generations, logName, snapshotName } from "./data_directory.ts";
import { type Disk, type DiskFile, withFile } from "./disk.ts";
import type { LogHeader } from "./log_layout.ts";
import { type LogEnd, LogReader } from "./log_reader.ts";
import { repairAdvice, UnusableFileError } from "./unusable_file.ts";

/** What is to be read, in order. */
export interface Chain {
  /** Generation of the snapshot; 0 if it begins with the first log, or there is nothing at all. */
  readonly snapshot: number;
  /** The logs that go on from it. */
  readonly logs: readonly LogHeader[];
  /** Generations of the logs that do not. */
  readonly loose: readonly number[];
}

/**
 * Finds out by names and headers.
 *
 * @throws CryptomemError `STORAGE` if a file is missing; {@linkcode UnusableFileError} if a log's header cannot be used
 */
export async function findChain(disk: Disk, { snapshots, logs }: Generations): Promise<Chain> {
  const snapshot = snapshots.at(-1) ?? 0;
  const later = logs.filter((generation) => generation >= snapshot);
  const headers: LogHeader[] = [];
  for (const generation of later) {
    headers.push(await withFile(disk, logName(generation), (file) => readHeader(file, generation)));
  }
  const loose = headers.findIndex(({ previousBytes, generation }, index) =>
    previousBytes === 0 && (index > 0 || snapshot > 0 && generation > snapshot)
  );
  const end = loose < 0 ? later.length : loose;
  // Between the last log of the chain and a loose one others may be missing: attempts that were given up again.
  const missing = missingName(snapshot, later.slice(0, end));
  if (missing !== undefined) {
    throw new CryptomemError("STORAGE", `Cannot load ${disk.path}: ${missing} is missing. ${repairAdvice(disk.path)}`);
  }
  return { snapshot, logs: headers.slice(0, end), loose: later.slice(end) };
}

/** Refuses a file that was given the name of another. */
export function checkGeneration(file: string, { generation }: { generation: number }, expected: number): void {
  if (generation === expected) return;
  throw new UnusableFileError(file, "damaged", 8, `it says that it is generation ${generation}: was it renamed?`);
}

/** @param logs generations from the snapshot's on */
function missingName(snapshot: number, logs: readonly number[]): string | undefined {
  if (logs.length === 0) return undefined;
  // Without a snapshot everything must be in the logs, from the first on.
  if (snapshot === 0 && logs[0] !== 1) return snapshotName(logs[0]!);
  const first = Math.max(1, snapshot);
  const gap = logs.findIndex((generation, index) => generation !== first + index);
  return gap < 0 ? undefined : logName(first + gap);
}

async function readHeader(file: DiskFile, generation: number): Promise<LogHeader> {
  const { header } = await LogReader.open(file);
  checkGeneration(file.name, header, generation);
  return header;
}

/**
 * Refuses a log that does not end as it must: the last one may be torn, the others must end whole, and where the next
 * one says.
 */
export function checkLogEnd(name: string, end: LogEnd, next: LogHeader | undefined): void {
  if (end.state === "damaged") {
    throw new UnusableFileError(
      name,
      "damaged",
      end.wholeBytes,
      "no whole record begins there, though later ones are whole",
    );
  }
  if (next === undefined) return;
  if (end.state === "torn" || end.wholeBytes > next.previousBytes) {
    const finding = `no record that belongs to it begins there, and ${logName(next.generation)} goes on from it`;
    throw new UnusableFileError(name, "damaged", Math.min(end.wholeBytes, next.previousBytes), finding);
  }
  if (end.wholeBytes < next.previousBytes) {
    const finding = `${next.previousBytes - end.wholeBytes} bytes are missing at its end`;
    throw new UnusableFileError(name, "damaged", end.wholeBytes, finding);
  }
}
