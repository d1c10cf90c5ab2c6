/**
 * An open file of a {@linkcode FaultDisk} (fault_disk.ts).
 *
 * @module
 */
import type { DiskFile } from "../../lib/persistence/disk.ts";
import type { CachedFile, SyncPoint } from "./cached_file.ts";
import { type AskedCall, type DiskOperation, misuse, systemError, type Trouble } from "./disk_faults.ts";

/** What a file needs of its disk. */
export interface FileHost {
  /** The name that a file has now, `undefined` when it was removed. */
  nameOf(file: CachedFile): string | undefined;
  /** Make a call: count it, let it meet its faults, and unless it fails let it happen. */
  call<Result>(call: AskedCall, happen: Happening<Result>, fail?: (trouble: Trouble) => void): Promise<Result>;
  /** {@linkcode call} that waits for nothing. */
  callSync<Result>(call: AskedCall, happen: Happening<Result>, fail?: (trouble: Trouble) => void): Result;
  /** How much more the disk can hold. */
  freeBytes(): number;
  /** The file is closed. */
  closed(): void;
}

/** What a call does when it does not fail. */
export type Happening<Result> = (trouble: Trouble) => Result;

/** What is under way, by what it must not meet. */
type Activity = "reading" | "changing" | "syncing";

/** See the module. */
export class FaultFile implements DiskFile {
  readonly name: string;
  readonly #file: CachedFile;
  readonly #isWritable: boolean;
  readonly #host: FileHost;
  readonly #underWay: Record<Activity, number> = { reading: 0, changing: 0, syncing: 0 };
  #isOpen = true;

  constructor(name: string, file: CachedFile, isWritable: boolean, host: FileHost) {
    this.name = name;
    this.#file = file;
    this.#isWritable = isWritable;
    this.#host = host;
  }

  async size(): Promise<number> {
    return await this.#host.call(this.#asked("size"), () => this.#file.length);
  }

  async read(position: number, into: Uint8Array): Promise<number> {
    const call = this.#alone("read", into.length);
    return await this.#while("reading", this.#host.call(call, () => this.#file.read(position, into)));
  }

  async append(bytes: Uint8Array): Promise<number> {
    const call = this.#beforeChange("append", bytes.length);
    const copy = bytes.slice();
    const ended = this.#host.call(call, (trouble) => {
      for (let i = 0; i < copy.length; i++) {
        if (bytes[i] !== copy[i]) throw misuse(`Cannot append to ${this.name}: byte ${i} changed meanwhile`);
      }
      return this.#append(copy, trouble);
    });
    return await this.#while("changing", ended);
  }

  appendSync(bytes: Uint8Array): number {
    const call = this.#beforeChange("append", bytes.length);
    return this.#host.callSync(call, (trouble) => this.#append(bytes, trouble));
  }

  async sync(): Promise<void> {
    const call = this.#asked("sync");
    const point = this.#file.beginSync();
    await this.#while("syncing", this.#host.call(call, () => this.#file.endSync(point), this.#failingSync(point)));
  }

  syncSync(): void {
    const call = this.#asked("sync");
    const point = this.#file.beginSync();
    this.#host.callSync(call, () => this.#file.endSync(point), this.#failingSync(point));
  }

  async truncate(length: number): Promise<void> {
    const call = this.#beforeChange("truncate", length);
    if (length > this.#file.length) throw misuse(`Cannot truncate ${this.name} to ${length} bytes: it has fewer`);
    await this.#while("changing", this.#host.call(call, () => this.#file.truncate(length)));
  }

  close(): void {
    if (!this.#isOpen) return;
    const { reading, changing, syncing } = this.#underWay;
    if (reading + changing + syncing > 0) throw misuse(`Cannot close ${this.name}: a call is under way`);
    this.#isOpen = false;
    this.#host.closed();
  }

  #append(bytes: Uint8Array, { isShort }: Trouble): number {
    const asked = isShort ? bytes.length >> 1 : bytes.length;
    const written = Math.min(asked, Math.max(0, this.#host.freeBytes()));
    if (written === 0 && bytes.length > 0) throw systemError("ENOSPC", `write '${this.name}'`);
    this.#file.append(bytes.subarray(0, written));
    return written;
  }

  #failingSync(point: SyncPoint): (trouble: Trouble) => void {
    return ({ dropsUnsynced }) => {
      if (dropsUnsynced) this.#file.forgetSync(point);
    };
  }

  #asked(operation: DiskOperation, bytes?: number): AskedCall {
    if (!this.#isOpen) throw misuse(`Cannot ${operation} ${this.name}: it is closed`);
    const name = this.#host.nameOf(this.#file) ?? this.name;
    return bytes === undefined ? { operation, name } : { operation, name, bytes };
  }

  #beforeChange(operation: "append" | "truncate", bytes: number): AskedCall {
    if (!this.#isWritable) throw misuse(`Cannot ${operation} ${this.name}: it was opened to be read`);
    return this.#alone(operation, bytes);
  }

  /** Reads and changes share the one position of an open file. */
  #alone(operation: DiskOperation, bytes: number): AskedCall {
    const { reading, changing } = this.#underWay;
    if (reading + changing > 0) throw misuse(`Cannot ${operation} ${this.name}: another call is under way`);
    return this.#asked(operation, bytes);
  }

  async #while<Result>(activity: Activity, ended: Promise<Result>): Promise<Result> {
    this.#underWay[activity]++;
    try {
      return await ended;
    } finally {
      this.#underWay[activity]--;
    }
  }
}
