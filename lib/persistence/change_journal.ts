/**
 * What an engine with a data directory tells its changes to: they are counted, which is all that is needed where there
 * are only snapshots, and recorded in the append log where there is one.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";
import { CryptomemError } from "../errors.ts";
import { MAX_UNDO_BYTES } from "./limits.ts";
import type { Journal } from "../storage/journal.ts";
import type { LogJournal } from "./log_journal.ts";
import type { UndoLog } from "./undo_log.ts";

/** See the module. */
export class ChangeJournal implements Journal {
  /** How many there have been. */
  changes = 0;
  /** Why changes are refused, log or no log. */
  refusal: string | undefined;
  /** For changes that may have to be taken back. */
  readonly undo: UndoLog | undefined;
  readonly #log: LogJournal | undefined;
  #isInGroup = false;

  /** @param log where changes are recorded; `undefined` if they are only counted */
  constructor(log: LogJournal | undefined, undo: UndoLog | undefined) {
    this.#log = log;
    this.undo = undo;
  }

  check(): void {
    // What has begun goes on: all of it or none.
    if (!this.#isInGroup) this.#checkBounds();
    this.#log?.check();
  }

  begin(expectedBytes: number): void {
    this.#checkBounds();
    this.#log?.begin(expectedBytes);
    this.#isInGroup = true;
  }

  end(): void {
    this.#isInGroup = false;
    this.#log?.end();
  }

  put(key: ByteRange, value: ByteRange, expiryMs: number): void {
    this.changes++;
    this.#log?.put(key, value, expiryMs);
  }

  remove(key: ByteRange): void {
    this.changes++;
    this.#log?.remove(key);
  }

  expiry(key: ByteRange, expiryMs: number): void {
    this.changes++;
    this.#log?.expiry(key, expiryMs);
  }

  clear(prefix: Uint8Array): void {
    this.changes++;
    this.#log?.clear(prefix);
  }

  rename(from: ByteRange, to: ByteRange): void {
    this.changes++;
    this.#log?.rename(from, to);
  }

  #checkBounds(): void {
    if (this.refusal !== undefined) throw refused(this.refusal);
    if (this.undo === undefined || this.undo.bytes <= MAX_UNDO_BYTES) return;
    throw refused(`${this.undo.bytes} bytes are held of what changes replaced, for a disk that does not keep up`);
  }
}

function refused(state: string): CryptomemError {
  return new CryptomemError("STORAGE", `Cannot keep the change: ${state}`);
}
