/**
 * What persistence asks of a disk: one directory of files that only grow, are cut back, renamed and removed. Every
 * access goes through here, so that the tests can take a disk that fails at any call and loses what was not synced
 * (tests/support/fault_disk.ts); the real one is {@linkcode DenoDisk} (deno_disk.ts).
 *
 * An error of the system comes out as the system gave it: an `Error` with its `code`, such as "ENOSPC" or "EIO". What it
 * means is for the caller to say. Two promises are made apart, as POSIX makes them: a file's *bytes* survive a power cut
 * once {@linkcode DiskFile.sync} has returned, its *name* once {@linkcode Disk.syncDirectory} has.
 *
 * @module
 */

/** One open file. It has one position: reads, appends and truncates of it come one after the other, never at once. */
export interface DiskFile {
  /** Its name when it was opened; a rename does not change it. */
  readonly name: string;

  /** How many bytes it has. */
  size(): Promise<number>;

  /**
   * Read from `position` on.
   *
   * @returns how many bytes were read, which may be fewer than `into` has place for; 0 at the end
   */
  read(position: number, into: Uint8Array): Promise<number>;

  /**
   * Write at the end. `bytes` must stay as they are until it has ended.
   *
   * @returns how many bytes were written: as with write(2) fewer than asked when the disk is filling up, and only the next
   * call says why
   */
  append(bytes: Uint8Array): Promise<number>;

  /** {@linkcode append} that stops the event loop, for the rare write that nothing may come before. */
  appendSync(bytes: Uint8Array): number;

  /**
   * Return once all that was written before this call would survive a power cut (fdatasync). Appends may go on
   * meanwhile; nothing is promised of them.
   *
   * After an error nobody knows which of those bytes are on the disk, and a second call may succeed without having
   * written them: the file must not be relied on any more.
   */
  sync(): Promise<void>;

  /** {@linkcode sync} that stops the event loop. */
  syncSync(): void;

  /** Cut it to `length`, which is not beyond its end. */
  truncate(length: number): Promise<void>;

  /** Let it go, when nothing of it is under way. Closing twice does no harm. */
  close(): void;
}

/** A lock that is held; it ends with the process, however that ends. */
export interface DiskLock {
  /** Let others take it. */
  release(): void;
}

/** One directory. Names are checked by {@linkcode checkFileName} before anything is done with them. */
export interface Disk {
  /** Where it is, for messages. */
  readonly path: string;

  /** The names of all that is in it, in no order, folders and files of others included. */
  list(): Promise<string[]>;

  /** Begin a file, to be read and appended to by its owner alone (0600); fails with `EEXIST` if the name is taken. */
  create(name: string): Promise<DiskFile>;

  /** Open a file to be read and appended to; fails with `ENOENT` if there is none. */
  openAppend(name: string): Promise<DiskFile>;

  /** Open a file to be read; fails with `ENOENT` if there is none. */
  openRead(name: string): Promise<DiskFile>;

  /** Give a file another name, at once and as a whole; a file that has this name already is gone. */
  rename(from: string, to: string): Promise<void>;

  /** Remove a file; fails with `ENOENT` if there is none. */
  remove(name: string): Promise<void>;

  /** Return once all names given, changed and removed before this call would survive a power cut. */
  syncDirectory(): Promise<void>;

  /**
   * Keep other processes from using the directory.
   *
   * @throws {CryptomemError} `STORAGE` if one uses it already
   */
  lock(): Promise<DiskLock>;
}

/** The file that {@linkcode Disk.lock} locks. It stays when the lock is released. */
export const LOCK_FILE_NAME = "lock";

/**
 * Refuse a name that could lead out of the directory, or that not every file system takes: letters, digits, `.`, `_`
 * and `-`, not beginning with a dot.
 *
 * @throws {TypeError} for such a name: names are made by the program, never by a client
 */
export function checkFileName(name: string): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/.test(name)) {
    throw new TypeError(`Cannot use a file called ${JSON.stringify(name)}: it is no plain file name`);
  }
}

/**
 * Append all of `bytes`, however little the disk takes at a time.
 *
 * @throws what the disk throws; a part may have been written then
 */
export async function appendAll(file: DiskFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += some(file, await file.append(bytes.subarray(written)));
}

/** {@linkcode appendAll} that stops the event loop. */
export function appendAllSync(file: DiskFile, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += some(file, file.appendSync(bytes.subarray(written)));
}

/** A disk that takes nothing and gives no reason must not be asked for ever. */
function some(file: DiskFile, written: number): number {
  if (written > 0) return written;
  throw new Error(`Cannot append to ${file.name}: the disk takes no byte, and gives no reason`);
}

/**
 * Fill `into` from `position` on, as far as the file goes.
 *
 * @returns how many bytes there were: fewer than `into` has place for only at the end of the file
 */
export async function readAll(file: DiskFile, position: number, into: Uint8Array): Promise<number> {
  let filled = 0;
  while (filled < into.length) {
    const read = await file.read(position + filled, into.subarray(filled));
    if (read === 0) break;
    filled += read;
  }
  return filled;
}

/** Let `use` read a file, and close it. */
export async function withFile<Result>(
  disk: Disk,
  name: string,
  use: (file: DiskFile) => Promise<Result>,
): Promise<Result> {
  const file = await disk.openRead(name);
  try {
    return await use(file);
  } finally {
    file.close();
  }
}
