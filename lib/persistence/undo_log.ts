/**
 * What it takes to take back changes that the append log could not keep: for each, what was there before, until the log
 * says that it is synced. Only under `always`, where nobody has been told of such a change yet.
 *
 * The changes of one turn of the event loop are a batch, and share one question to the log. When one batch is lost, so
 * are all that came after it, for a log that fails keeps nothing more; all of them are taken back, from the last to the
 * first, before anybody is told of any.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";
import { MAX_KEPT_UNDO_BYTES } from "./limits.ts";
import type { Engine } from "../storage/engine.ts";
import type { HeldClear, UndoJournal } from "../storage/journal.ts";
import {
  type ChangeVisitor,
  EXPIRY_BYTES,
  PUT_BYTES,
  readChanges,
  REMOVE_BYTES,
  writeExpiry,
  writePut,
  writeRemove,
} from "./changes.ts";
import { MAX_EXPIRY_UNIX_MS } from "./snapshot_layout.ts";

const FIRST_BYTES = 4096;
/** In place of where a step's bytes begin: the step is a CLEAR. */
const CLEAR = -1;

/** What {@linkcode UndoLog} needs. */
export interface UndoLogOptions {
  /** Where changes are taken back. */
  readonly engine: Engine;
  /** {@linkcode AppendLog.pending}. */
  readonly pending: () => Promise<void> | undefined;
}

/** Changes that are not synced, from the first to the last. */
export class UndoLog implements UndoJournal {
  readonly #pending: () => Promise<void> | undefined;
  readonly #takeBack: ChangeVisitor;
  /** Those for which the log has not been asked yet. */
  #open = new UndoBatch();
  #isEndOfTurnAsked = false;
  /** Those it has been asked for, in order. */
  #waiting: UndoBatch[] = [];
  #waitingBytes = 0;
  /** One that has been decided, to be filled again. */
  #spare: UndoBatch | undefined;

  constructor({ engine, pending }: UndoLogOptions) {
    this.#pending = pending;
    this.#takeBack = takeBackIn(engine);
  }

  /** How much memory it holds for changes that are not synced. */
  get bytes(): number {
    return this.#waitingBytes + this.#open.bytes;
  }

  previous(key: ByteRange, value: ByteRange | undefined, expiryMs: number): void {
    if (value === undefined) this.#opened().addMissing(key);
    else this.#opened().add(key, value, expiryMs);
  }

  previousExpiry(key: ByteRange, expiryMs: number): void {
    this.#opened().addExpiry(key, expiryMs);
  }

  cleared(clear: HeldClear): void {
    this.#opened().addClear(clear);
  }

  /**
   * Settles when all changes so far are synced, or have been taken back; `undefined` if none is under way. To be asked in
   * the turn in which they were made, before anything is awaited.
   *
   * @returns rejects with what the log rejects with
   */
  pending(): Promise<void> | undefined {
    if (!this.#open.isEmpty) this.#endBatch();
    return this.#waiting.at(-1)?.settled.promise;
  }

  #opened(): UndoBatch {
    if (!this.#isEndOfTurnAsked) {
      this.#isEndOfTurnAsked = true;
      queueMicrotask(this.#endTurn);
    }
    return this.#open;
  }

  readonly #endTurn = (): void => {
    this.#isEndOfTurnAsked = false;
    if (!this.#open.isEmpty) this.#endBatch();
  };

  #endBatch(): void {
    const batch = this.#open;
    const kept = this.#pending();
    if (kept === undefined) return batch.keep();
    this.#open = this.#spare ?? new UndoBatch();
    this.#spare = undefined;
    this.#waiting.push(batch);
    this.#waitingBytes += batch.bytes;
    kept.then(() => this.#keep(batch), (error) => this.#lose(batch, error));
  }

  #keep(batch: UndoBatch): void {
    this.#waiting.shift();
    this.#waitingBytes -= batch.bytes;
    const { settled } = batch;
    batch.keep();
    if (batch.capacityBytes <= MAX_KEPT_UNDO_BYTES) this.#spare = batch;
    settled.resolve();
  }

  #lose(first: UndoBatch, error: unknown): void {
    if (!this.#waiting.includes(first)) return; // taken back with one before it
    const lost = [...this.#waiting, this.#open];
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#open = new UndoBatch();
    for (const batch of lost.toReversed()) batch.takeBack(this.#takeBack);
    for (const batch of lost) batch.settled.reject(error);
  }
}

/** The changes of a turn, each as the one that takes it back. */
class UndoBatch {
  /** Settles when it is decided. */
  settled = withoutListener();
  #changes = new Uint8Array(FIRST_BYTES);
  #length = 0;
  /** Where each begins, or {@linkcode CLEAR}. */
  #starts: number[] = [];
  #clears: HeldClear[] = [];

  get isEmpty(): boolean {
    return this.#starts.length === 0;
  }

  get bytes(): number {
    return this.#length;
  }

  get capacityBytes(): number {
    return this.#changes.length;
  }

  add(key: ByteRange, value: ByteRange, expiryMs: number): void {
    const at = this.#begin(PUT_BYTES + key.length + value.length);
    this.#length = writePut(this.#changes, at, key, value, Math.min(MAX_EXPIRY_UNIX_MS, expiryMs));
  }

  addMissing(key: ByteRange): void {
    const at = this.#begin(REMOVE_BYTES + key.length);
    this.#length = writeRemove(this.#changes, at, key);
  }

  addExpiry(key: ByteRange, expiryMs: number): void {
    const at = this.#begin(EXPIRY_BYTES + key.length);
    this.#length = writeExpiry(this.#changes, at, key, Math.min(MAX_EXPIRY_UNIX_MS, expiryMs));
  }

  addClear(clear: HeldClear): void {
    this.#starts.push(CLEAR);
    this.#clears.push(clear);
  }

  /** Its changes stay. */
  keep(): void {
    for (const clear of this.#clears) clear.release();
    this.#clears = [];
    this.#starts = [];
    this.#length = 0;
    this.settled = withoutListener();
  }

  takeBack(visitor: ChangeVisitor): void {
    let end = this.#length;
    for (const start of this.#starts.reverse()) {
      if (start === CLEAR) this.#clears.pop()!.cancel();
      else {
        readChanges(this.#changes, start, end, visitor);
        end = start;
      }
    }
  }

  #begin(changeBytes: number): number {
    const at = this.#length;
    if (at + changeBytes > this.#changes.length) {
      const larger = new Uint8Array(Math.max(2 * this.#changes.length, at + changeBytes));
      larger.set(this.#changes.subarray(0, at));
      this.#changes = larger;
    }
    this.#starts.push(at);
    return at;
  }
}

/** Expiries are moments on the engine's clock here, not dates. */
function takeBackIn({ replay }: Engine): ChangeVisitor {
  const none = (): never => {
    throw new Error("Cannot take back a change: it is none that was told");
  };
  return {
    put: (key, value, expiryMs) => replay.takeBack(key, value, expiryMs),
    remove: (key) => replay.takeBack(key, undefined, 0),
    expiry: (key, expiryMs) => replay.expiry(key, expiryMs),
    clear: none,
    rename: none,
  };
}

/** For those who may ask, but need not listen. */
function withoutListener(): PromiseWithResolvers<void> {
  const resolvers = Promise.withResolvers<void>();
  resolvers.promise.catch(() => {});
  return resolvers;
}
