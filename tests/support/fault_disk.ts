/**
 * A disk in memory that fails when it is told to, and forgets at a power cut what was not synced.
 *
 * Every call has a number, counted from 1 and kept in {@linkcode FaultDisk.trace}. A test can let calls fail
 * ({@linkcode FaultDisk.fail}), write short ({@linkcode FaultDisk.shorten}) or wait ({@linkcode FaultDisk.hold}) and fill
 * the disk ({@linkcode FaultDisk.capacityBytes}). At any moment it can take the disk that would be found after a power cut
 * ({@linkcode FaultDisk.afterPowerCut}) or after the process was killed ({@linkcode FaultDisk.afterKill}): a disk of its
 * own, while this one goes on. {@linkcode FaultDisk.onCall} is the place to take one before each call.
 *
 * A file's bytes are lost unless the file was synced (cached_file.ts), its name unless the directory was
 * (cached_names.ts), each for itself: a rename may survive whose file has lost its bytes. A sync covers what was done
 * before it was asked for, and not what was done while it lasted.
 *
 * What no program may do to a disk, such as to append twice at a time or to change bytes that are being written, fails
 * the test.
 *
 * @module
 */
import { CryptomemError } from "../../lib/errors.ts";
import { checkFileName, type Disk, type DiskFile, type DiskLock, LOCK_FILE_NAME } from "../../lib/persistence/disk.ts";
import { CachedFile } from "./cached_file.ts";
import { CachedNames } from "./cached_names.ts";
import {
  type AskedCall,
  type DiskCall,
  DiskFaults,
  type FailOptions,
  type Fault,
  type FaultCode,
  type Hold,
  misuse,
  systemError,
  type Trouble,
  type WhichCall,
} from "./disk_faults.ts";
import { FaultFile, type FileHost, type Happening } from "./fault_file.ts";
import { Random } from "./random.ts";

export type { DiskCall, DiskOperation, FailOptions, Fault, FaultCode, Hold, WhichCall } from "./disk_faults.ts";

/**
 * What a power cut leaves of what was not synced: nothing, everything, all the names but none of the bytes, or what this
 * seed or generator decides.
 */
export type Unsynced = "none" | "all" | "names" | number | Random;

/** See the module. */
export class FaultDisk implements Disk {
  readonly path = "/fault-disk";
  /** Every call so far. */
  readonly trace: DiskCall[] = [];
  /** Is told of each call before anything of it happens. */
  onCall: ((call: DiskCall) => void) | undefined;
  /** What every call waits for before it happens; without it, calls end within one turn of the event loop. */
  latency: ((call: DiskCall) => Promise<void>) | undefined;
  /** How much all files together can hold. An append writes what fits, and fails when that is nothing. */
  capacityBytes = Infinity;

  #names = new CachedNames();
  readonly #faults = new DiskFaults();
  #openFiles = 0;
  #isLocked = false;

  /** How many calls there were. */
  get calls(): number {
    return this.trace.length;
  }

  /** How many files are open: none when all is done. */
  get openFiles(): number {
    return this.#openFiles;
  }

  // What goes wrong.

  /** Let calls fail: nothing of them happens. */
  fail(which: WhichCall, error: FaultCode, options: FailOptions = {}): Fault {
    return this.#faults.fail(which, error, options);
  }

  /** Let appends write only the first half of their bytes, and say so. */
  shorten(which: WhichCall, options: FailOptions = {}): Fault {
    return this.#faults.shorten(which, options);
  }

  /** Let calls wait until this is lifted. */
  hold(which: WhichCall): Hold {
    return this.#faults.hold(which);
  }

  // What is found afterwards.

  /** The disk as it is found after a power cut at this moment. */
  afterPowerCut(unsynced: Unsynced): FaultDisk {
    const found = new FaultDisk();
    const random = typeof unsynced === "number" ? new Random(unsynced) : unsynced;
    if (random === "none" || random === "names") {
      const names = random === "none" ? this.#names.durable : this.#names.seen;
      for (const [name, file] of names) found.put(name, file.durableBytes());
    } else if (random === "all") {
      for (const [name, file] of this.#names.seen) found.put(name, file.allWritten());
    } else {
      for (const [name, file] of this.#names.someWritten(random)) {
        found.put(name, file.someWritten(random, this.#staleBytes(file, random)));
      }
    }
    return found;
  }

  /** The disk as it is found after the process was killed: the system has kept everything, and synced nothing more. */
  afterKill(): FaultDisk {
    const found = new FaultDisk();
    found.#names = this.#names.clone();
    found.capacityBytes = this.capacityBytes;
    return found;
  }

  /** Bytes of another file, as they may lie where this one was given place. */
  #staleBytes(file: CachedFile, random: Random): Uint8Array {
    const others = [...this.#names.durable.values()].filter((other) => other !== file);
    return others.length === 0 ? new Uint8Array(0) : others[random.below(others.length)]!.durableBytes();
  }

  // What a test sees and does behind the back of the program. None of it is a call.

  /** All names there are, in order. */
  names(): string[] {
    return [...this.#names.seen.keys()].sort();
  }

  /** A copy of a file's bytes as processes see them. */
  bytesOf(name: string): Uint8Array<ArrayBuffer> {
    return this.#file(name, "read").bytes();
  }

  /** A copy of those bytes of a file that are certain to be on the disk; `undefined` if its name is not. */
  durableBytesOf(name: string): Uint8Array<ArrayBuffer> | undefined {
    return this.#names.durable.get(name)?.durableBytes();
  }

  /** Put a durable file there, in the place of the one that has the name. */
  put(name: string, bytes: Uint8Array): void {
    this.#names.put(name, CachedFile.of(bytes));
  }

  /** The trace as lines, such as "rename a.new a": for what must come before what. */
  lines(): string[] {
    return this.trace.map(({ operation, name, to }) => [operation, name, to].filter((word) => word).join(" "));
  }

  // The disk.

  list(): Promise<string[]> {
    return this.#call({ operation: "list", name: "" }, () => [...this.#names.seen.keys()]);
  }

  create(name: string): Promise<DiskFile> {
    return this.#call({ operation: "create", name }, () => {
      if (this.#names.seen.has(name)) throw systemError("EEXIST", `create '${name}'`);
      const file = new CachedFile();
      this.#names.add(name, file);
      return this.#open(name, file, true);
    });
  }

  openAppend(name: string): Promise<DiskFile> {
    return this.#call({ operation: "openAppend", name }, () => this.#open(name, this.#file(name, "open"), true));
  }

  openRead(name: string): Promise<DiskFile> {
    return this.#call({ operation: "openRead", name }, () => this.#open(name, this.#file(name, "open"), false));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#call(
      { operation: "rename", name: from, to },
      () => this.#names.rename(from, to, this.#file(from, "rename")),
    );
  }

  remove(name: string): Promise<void> {
    return this.#call({ operation: "remove", name }, () => {
      this.#file(name, "remove");
      this.#names.remove(name);
    });
  }

  syncDirectory(): Promise<void> {
    const point = this.#names.beginSync();
    return this.#call({ operation: "syncDirectory", name: "" }, () => this.#names.endSync(point));
  }

  lock(): Promise<DiskLock> {
    return this.#call({ operation: "lock", name: LOCK_FILE_NAME }, () => {
      if (this.#isLocked) throw new CryptomemError("STORAGE", `Cannot use ${this.path}: another process uses it`);
      if (!this.#names.seen.has(LOCK_FILE_NAME)) this.#names.add(LOCK_FILE_NAME, new CachedFile());
      this.#isLocked = true;
      let isHeld = true;
      return {
        release: () => {
          if (isHeld) this.#isLocked = false;
          isHeld = false;
        },
      };
    });
  }

  #file(name: string, verb: string): CachedFile {
    const file = this.#names.seen.get(name);
    if (file === undefined) throw systemError("ENOENT", `${verb} '${name}'`);
    return file;
  }

  #open(name: string, file: CachedFile, isWritable: boolean): FaultFile {
    this.#openFiles++;
    return new FaultFile(name, file, isWritable, this.#host);
  }

  readonly #host: FileHost = {
    nameOf: (file) => [...this.#names.seen].find(([, other]) => other === file)?.[0],
    call: (asked, happen, fail) => this.#call(asked, happen, fail),
    callSync: (asked, happen, fail) => this.#callSync(asked, happen, fail),
    freeBytes: () => this.capacityBytes - [...this.#names.seen.values()].reduce((sum, file) => sum + file.length, 0),
    closed: () => void this.#openFiles--,
  };

  async #call<Result>(
    asked: AskedCall,
    happen: Happening<Result>,
    fail?: (trouble: Trouble) => void,
  ): Promise<Result> {
    const { call, trouble } = this.#begin(asked);
    if (this.latency !== undefined) await this.latency(call);
    await Promise.all(trouble.held);
    return end(call, trouble, happen, fail);
  }

  #callSync<Result>(asked: AskedCall, happen: Happening<Result>, fail?: (trouble: Trouble) => void): Result {
    const { call, trouble } = this.#begin(asked);
    if (trouble.held.length > 0) throw misuse(`Cannot hold call ${call.number}: it does not wait`);
    return end(call, trouble, happen, fail);
  }

  #begin(asked: AskedCall): { call: DiskCall; trouble: Trouble } {
    if (asked.operation !== "list" && asked.operation !== "syncDirectory") checkFileName(asked.name);
    if (asked.to !== undefined) checkFileName(asked.to);
    const call: DiskCall = { number: this.trace.length + 1, ...asked, outcome: "under way" };
    this.onCall?.(call);
    this.trace.push(call);
    return { call, trouble: this.#faults.meet(call) };
  }
}

function end<Result>(
  call: DiskCall,
  trouble: Trouble,
  happen: Happening<Result>,
  fail?: (trouble: Trouble) => void,
): Result {
  try {
    if (trouble.error !== undefined) {
      fail?.(trouble);
      throw systemError(trouble.error, `${call.operation} '${call.name}'`);
    }
    const result = happen(trouble);
    call.outcome = "done";
    return result;
  } catch (error) {
    call.outcome = error instanceof Error && "code" in error ? String(error.code) : String(error);
    throw error;
  }
}
