/**
 * The disk of the machine: one folder of it, through Deno's own calls.
 *
 * The folder is made for its owner alone (0700), its files too (0600). Only regular files are opened: no folder, no pipe
 * that would never answer, no link that leads elsewhere.
 *
 * Two limits. A folder that was just made is as durable as its name in the folder above, which is not synced, because that
 * would take permission to read it; ext4, XFS and btrfs write it with the first file that is synced in the new one. And
 * Windows cannot sync a folder at all: what keeps names there is the journal of NTFS.
 *
 * @module
 */
import { CryptomemError } from "../errors.ts";
import { checkFileName, type Disk, type DiskFile, type DiskLock, LOCK_FILE_NAME } from "./disk.ts";

const OWNER_ONLY_FOLDER_MODE = 0o700;
const OWNER_ONLY_FILE_MODE = 0o600;

/** A folder of the machine. */
export class DenoDisk implements Disk {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * The folder `path`, made if there is none; the folder that it is in must exist.
   *
   * @throws {CryptomemError} `STORAGE` if it may not be used, in one line that says what to do
   */
  static async open(path: string): Promise<DenoDisk> {
    await checkPermissions(path);
    try {
      await Deno.mkdir(path, { mode: OWNER_ONLY_FOLDER_MODE });
    } catch (error) {
      if (codeOf(error) !== "EEXIST") throw cannotUse(path, error);
      await checkFolder(path);
    }
    return new DenoDisk(path.replace(/(?<=.)\/+$/, ""));
  }

  async list(): Promise<string[]> {
    const names: string[] = [];
    for await (const { name } of Deno.readDir(this.path)) names.push(name);
    return names;
  }

  async create(name: string): Promise<DiskFile> {
    const options = { read: true, append: true, createNew: true, mode: OWNER_ONLY_FILE_MODE };
    return new DenoFile(name, await Deno.open(this.#pathOf(name), options));
  }

  async openAppend(name: string): Promise<DiskFile> {
    const path = await this.#regular(name);
    return new DenoFile(name, await Deno.open(path, { read: true, append: true }));
  }

  async openRead(name: string): Promise<DiskFile> {
    return new DenoFile(name, await Deno.open(await this.#regular(name)));
  }

  async rename(from: string, to: string): Promise<void> {
    await Deno.rename(this.#pathOf(from), this.#pathOf(to));
  }

  async remove(name: string): Promise<void> {
    await Deno.remove(await this.#regular(name));
  }

  async syncDirectory(): Promise<void> {
    if (Deno.build.os === "windows") return;
    using folder = await Deno.open(this.path);
    await folder.sync();
  }

  async lock(): Promise<DiskLock> {
    let file: Deno.FsFile | undefined;
    let isFree: boolean;
    try {
      const path = await this.#regular(LOCK_FILE_NAME, true);
      file = await Deno.open(path, { write: true, create: true, mode: OWNER_ONLY_FILE_MODE });
      isFree = await file.tryLock(true);
    } catch (error) {
      file?.close();
      throw cannotUse(this.path, error);
    }
    if (!isFree) {
      file.close();
      throw new CryptomemError("STORAGE", `Cannot use ${this.path}: another process uses it`);
    }
    return new DenoLock(file);
  }

  #pathOf(name: string): string {
    checkFileName(name);
    return `${this.path}/${name}`;
  }

  /** The path of a file that is a regular one, or that may be missing. */
  async #regular(name: string, mayBeMissing = false): Promise<string> {
    const path = this.#pathOf(name);
    try {
      if ((await Deno.lstat(path)).isFile) return path;
    } catch (error) {
      if (mayBeMissing && codeOf(error) === "ENOENT") return path;
      throw error;
    }
    throw Object.assign(new Error(`${path} is no regular file`), { code: "EINVAL" });
  }
}

class DenoFile implements DiskFile {
  readonly name: string;
  readonly #file: Deno.FsFile;
  #isOpen = true;

  constructor(name: string, file: Deno.FsFile) {
    this.name = name;
    this.#file = file;
  }

  async size(): Promise<number> {
    return (await this.#file.stat()).size;
  }

  async read(position: number, into: Uint8Array): Promise<number> {
    await this.#file.seek(position, Deno.SeekMode.Start);
    return await this.#file.read(into) ?? 0;
  }

  append(bytes: Uint8Array): Promise<number> {
    return this.#file.write(bytes);
  }

  appendSync(bytes: Uint8Array): number {
    return this.#file.writeSync(bytes);
  }

  sync(): Promise<void> {
    return this.#file.syncData();
  }

  syncSync(): void {
    this.#file.syncDataSync();
  }

  truncate(length: number): Promise<void> {
    return this.#file.truncate(length);
  }

  close(): void {
    if (this.#isOpen) this.#file.close();
    this.#isOpen = false;
  }
}

/** The system lets go of the lock with the file, also when the process ends in any other way. */
class DenoLock implements DiskLock {
  #file: Deno.FsFile | undefined;

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  release(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}

/** Deno would ask on the terminal, and no server may wait for that. */
async function checkPermissions(path: string): Promise<void> {
  const missing: string[] = [];
  for (const name of ["read", "write"] as const) {
    if ((await Deno.permissions.query({ name, path })).state !== "granted") missing.push(`--allow-${name}=${path}`);
  }
  if (missing.length > 0) {
    throw new CryptomemError("STORAGE", `Cannot use ${path}: Deno may not; run it with ${missing.join(" ")}`);
  }
}

async function checkFolder(path: string): Promise<void> {
  let isFolder: boolean;
  try {
    isFolder = (await Deno.stat(path)).isDirectory;
  } catch (error) {
    throw cannotUse(path, error);
  }
  if (!isFolder) throw new CryptomemError("STORAGE", `Cannot use ${path}: it is no folder`);
}

const REASONS: Record<string, string> = {
  EACCES: "the system denies it to this user",
  EPERM: "the system denies it to this user",
  EROFS: "its file system is read-only",
  ENOSPC: "its disk is full",
  ENOENT: "the folder that it should be in does not exist",
  ENOTDIR: "what it should be in is no folder",
};

function cannotUse(path: string, error: unknown): CryptomemError {
  const reason = REASONS[codeOf(error) ?? ""] ??
    (error instanceof Error ? error.message.split("\n")[0]! : String(error));
  return new CryptomemError("STORAGE", `Cannot use ${path}: ${reason}`, { cause: error });
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}
