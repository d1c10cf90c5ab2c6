/**
 * A file that is not to be read, and why: the one thing that readers, recovery, `check` and repair tell each other.
 *
 * @module
 */

import { CryptomemError } from "../errors.ts";
import { crc32 } from "./checksum.ts";
import { readU32 } from "./big_endian.ts";

/**
 * What is the matter with a file.
 *
 * - `damaged`: written by this program, but not as it is now;
 * - `other version`: of a format that this program does not know;
 * - `stranger`: not written by this program.
 */
export type FileTrouble = "damaged" | "other version" | "stranger";

/** A file that cannot be read to its end. */
export class UnusableFileError extends CryptomemError {
  /** Its name. */
  readonly file: string;
  /** What is the matter with it. */
  readonly trouble: FileTrouble;
  /** Where the first byte lies that is not to be trusted. */
  readonly offset: number;
  /** What was found there, as the end of a sentence. */
  readonly finding: string;

  /** A `STORAGE` error. */
  constructor(file: string, trouble: FileTrouble, offset: number, finding: string) {
    super("STORAGE", `Cannot read ${file}: ${trouble === "damaged" ? `damaged at offset ${offset}, ` : ""}${finding}`);
    this.file = file;
    this.trouble = trouble;
    this.offset = offset;
    this.finding = finding;
  }
}

/**
 * Refuse a file whose header is not a good one: all headers are a magic of 7 bytes, the format version, what the file
 * says of itself, and a checksum of all that.
 *
 * @param header as many bytes as a header has, or all that the file has
 * @param magic the magic with the only version that can be read
 * @throws {UnusableFileError} of each trouble. Damage is not taken for another's file: where magic and version are
 * wrong but the checksum is that of the right ones, it is these bytes that were changed
 */
export function checkHeader(file: string, header: Uint8Array, headerBytes: number, magic: Uint8Array): void {
  if (header.length < headerBytes) {
    // A file gets its name only when its header is synced, so no crash leaves one without.
    if (!startsWith(header, magic, Math.min(header.length, magic.length))) throw stranger(file);
    throw new UnusableFileError(file, "damaged", 0, header.length === 0 ? "it is empty" : "it ends in its header");
  }
  const stored = readU32(header, headerBytes - 4);
  const covered = header.slice(0, headerBytes - 4);
  const isSound = crc32(covered) === stored;
  if (isSound && startsWith(header, magic, magic.length)) return;
  covered.set(magic);
  if (crc32(covered) === stored) throw new UnusableFileError(file, "damaged", 0, "in its first 8 bytes");
  if (!startsWith(header, magic, magic.length - 1)) throw stranger(file);
  if (header[magic.length - 1] !== magic[magic.length - 1]) {
    // Before the checksum, which another version may keep elsewhere.
    const version = header[magic.length - 1]!;
    const finding = `its format is version ${version}, and this program reads version ${magic[magic.length - 1]!}`;
    throw new UnusableFileError(file, "other version", 0, finding);
  }
  throw new UnusableFileError(file, "damaged", 0, "in its header");
}

function startsWith(bytes: Uint8Array, start: Uint8Array, length: number): boolean {
  return start.subarray(0, length).every((byte, at) => bytes[at] === byte);
}

function stranger(file: string): UnusableFileError {
  return new UnusableFileError(file, "stranger", 0, "it is no file of Cryptomem");
}

/**
 * What to tell an operator of an error met while a data directory was being read: one line that says which file, where,
 * and what can be done.
 *
 * @param path the directory's
 * @param file the one that was being read; "" if none
 */
export function explain(error: unknown, path: string, file: string): CryptomemError {
  if (error instanceof UnusableFileError) return new CryptomemError("STORAGE", unusable(error, path), { cause: error });
  // It says everything already.
  if (error instanceof CryptomemError && error.code === "STORAGE") return error;
  const code = error instanceof CryptomemError ? error.code : "STORAGE";
  const state = error instanceof Error ? error.message : String(error);
  return new CryptomemError(code, `Cannot load ${path}${file === "" ? "" : `/${file}`}: ${state}`, { cause: error });
}

/** What to do about a data directory that cannot be loaded, as the end of a message. */
export function repairAdvice(path: string): string {
  return `Put a good copy in its place, or go back to what is whole with: server.ts check --repair ${path}`;
}

function unusable({ file, trouble, offset, finding }: UnusableFileError, path: string): string {
  const start = `Cannot load ${path}/${file}: `;
  if (trouble === "damaged") return `${start}damaged at offset ${offset}, ${finding}. ${repairAdvice(path)}`;
  if (trouble === "stranger") return `${start}${finding}. Move it away, or name another directory`;
  return `${start}${finding}. Use the version that wrote it, or name another directory`;
}
