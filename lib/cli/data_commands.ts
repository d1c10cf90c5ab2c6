/**
 * check, export and import: a data directory without a server. Like all that has to do with one, loaded when it is needed.
 *
 * @module
 */

import { systemClock } from "../clock.ts";
import { CryptomemError } from "../errors.ts";
import { check, checkLines } from "../persistence/check.ts";
import { DataDirectory } from "../persistence/data_directory.ts";
import { DenoDisk } from "../persistence/deno_disk.ts";
import { expiryDate } from "../persistence/expiry_date.ts";
import { exportEntries } from "../persistence/export.ts";
import { importEntries } from "../persistence/import.ts";
import { RecoveredEngine } from "../persistence/recovered_engine.ts";
import { recover } from "../persistence/recovery.ts";
import { repair } from "../persistence/repair.ts";
import type { EntryVisitor } from "../persistence/snapshot_layout.ts";
import { Engine } from "../storage/engine.ts";
import { UnixTime } from "../unix_time.ts";
import type { DataCall } from "./data_arguments.ts";
import { EXIT_FAILURE } from "./exit_code.ts";
import { commandLine, isGranted, reasonOf } from "./machine.ts";
import { UsageError } from "./usage_error.ts";

const OWNER_ONLY_MODE = 0o600;
const READ_BYTES = 64 * 1024;
const ENTRIES_PER_STEP = 1_000;

/** Where a command says what it has to say: the result, and all else. */
export interface DataOutput {
  readonly print: (line: string) => void;
  readonly complain: (line: string) => void;
}

/**
 * Runs a command.
 *
 * @param args the program's arguments
 * @returns the exit code: 0 if all is well; 1 if not, for `check` if a file is damaged
 * @throws {UsageError} where a permission is missing
 * @throws {CryptomemError} in one line that says what went wrong
 */
export async function runDataCommand(call: DataCall, args: readonly string[], output: DataOutput): Promise<number> {
  requireDataPermissions(call, args);
  switch (call.name) {
    case "check":
      return await (call.isRepair ? repairDirectory : checkDirectory)(call, output);
    case "export":
      return await exportDirectory(call, output).catch(unlessNobodyReads);
    case "import":
      return await importDirectory(call, output);
  }
}

async function checkDirectory({ directory }: DataCall, { print }: DataOutput): Promise<number> {
  const report = await check(await existing(directory));
  for (const line of checkLines(report)) print(line);
  const isSound = report.problem === "" && report.files.every(({ state }) => state === "whole" || state === "torn");
  return isSound ? 0 : EXIT_FAILURE;
}

async function repairDirectory({ directory }: DataCall, { print }: DataOutput): Promise<number> {
  for (const line of await repair(await existing(directory), systemClock)) print(line);
  return 0;
}

/** Whoever reads the lines may have had enough of them, as `head` has. */
function unlessNobodyReads(error: unknown): number {
  if (error instanceof Deno.errors.BrokenPipe) return 0;
  throw error;
}

/** What a server would load: so a torn end of the last log is cut off, as it would be there. */
async function exportDirectory({ directory, file }: DataCall, { complain }: DataOutput): Promise<number> {
  const data = await DataDirectory.open(await existing(directory));
  try {
    const unixTime = new UnixTime(systemClock), engine = new Engine({ clock: systemClock });
    const { warnings } = await recover(data.disk, new RecoveredEngine(engine, unixTime), systemClock);
    for (const line of warnings) complain(line);
    const entries = await writeLines(file, (write) => exportEntries(visitorOf(engine, unixTime), write));
    complain(`${directory}: ${entries} entries exported`);
    return 0;
  } finally {
    data.close();
  }
}

async function importDirectory({ directory, file }: DataCall, { complain }: DataOutput): Promise<number> {
  using input = file === undefined ? undefined : await opened(file, { read: true });
  const disk = await DenoDisk.open(directory);
  const { entries, expired, isWhole } = await importEntries(disk, piecesOf(input ?? Deno.stdin), systemClock);
  const left = expired === 0 ? "" : `, ${expired} left out because their time is over`;
  complain(`${directory}: ${entries} entries imported${left}`);
  if (!isWhole) complain("warning: the last line, which says how many entries there are, is missing; some may be too");
  return 0;
}

/** A command about a folder that is not there must not make one. */
async function existing(directory: string): Promise<DenoDisk> {
  try {
    await Deno.stat(directory);
  } catch (error) {
    const state = error instanceof Deno.errors.NotFound ? "there is no such folder" : reasonOf(error);
    throw new CryptomemError("STORAGE", `Cannot use ${directory}: ${state}`);
  }
  return await DenoDisk.open(directory);
}

/** The entries of an engine that nobody changes, some with each call. */
function visitorOf(engine: Engine, unixTime: UnixTime): (visit: EntryVisitor) => boolean {
  let visitOne: EntryVisitor = () => {};
  const snapshot = engine.beginSnapshot({
    add: (key, value, expiryMs) => visitOne(key, value, expiryDate(expiryMs, unixTime)),
  });
  return (visit) => {
    visitOne = visit;
    return snapshot.step(ENTRIES_PER_STEP);
  };
}

/** Gives lines a place: a new file for nobody else's eyes, which is gone if anything goes wrong; or standard output. */
async function writeLines<Result>(
  path: string | undefined,
  work: (write: (lines: Uint8Array) => Promise<void>) => Promise<Result>,
): Promise<Result> {
  if (path === undefined) return await work((lines) => writeAll(Deno.stdout, lines));
  using file = await opened(path, { write: true, createNew: true, mode: OWNER_ONLY_MODE });
  try {
    const result = await work((lines) => writeAll(file, lines));
    await file.sync();
    return result;
  } catch (error) {
    await Deno.remove(path);
    throw error instanceof CryptomemError ? error : cannot("write", path, error);
  }
}

async function writeAll(writer: { write(bytes: Uint8Array): Promise<number> }, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await writer.write(bytes.subarray(written));
}

async function* piecesOf(reader: { read(into: Uint8Array): Promise<number | null> }): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(READ_BYTES);
  for (let count = await reader.read(buffer); count !== null; count = await reader.read(buffer)) {
    yield buffer.subarray(0, count);
  }
}

async function opened(path: string, options: Deno.OpenOptions): Promise<Deno.FsFile> {
  try {
    return await Deno.open(path, options);
  } catch (error) {
    throw cannot(options.read ? "read" : "write", path, error);
  }
}

function cannot(verb: string, path: string, error: unknown): CryptomemError {
  const state = error instanceof Deno.errors.AlreadyExists ? "it is there already" : reasonOf(error);
  return new CryptomemError("STORAGE", `Cannot ${verb} ${path}: ${state}`, { cause: error });
}

/** Both for the directory, also where it is only read: locking it takes a file. */
function requireDataPermissions({ name, directory, file }: DataCall, args: readonly string[]): void {
  const reads = [directory], writes = [directory];
  if (file !== undefined) (name === "import" ? reads : writes).push(file);
  const isAllowed = reads.every((path) => isGranted({ name: "read", path })) &&
    writes.every((path) => isGranted({ name: "write", path }));
  if (isAllowed) return;
  const command = commandLine("server", [`--allow-read=${reads.join()}`, `--allow-write=${writes.join()}`], args);
  throw new UsageError(directory, `Cannot ${name} it without permission: run ${command}`);
}
