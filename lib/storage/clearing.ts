/**
 * CLEAR: removes the entries under a prefix that were there at one moment, piece by piece. Until it is done, the engine
 * asks it about every entry it finds, so that for everybody they are gone at once.
 *
 * An entry was there at that moment if its version is not above the last one that had been given then. So one that is
 * written meanwhile stays, also under the same key.
 *
 * One that may have to be taken back is held: it hides its entries and removes none before it is released.
 *
 * @module
 */

import { CryptomemError } from "../errors.ts";
import type { Arena } from "./arena.ts";
import type { Entries } from "./entries.ts";
import { expiryMs, version } from "./entry.ts";
import type { HeldClear } from "./journal.ts";
import type { KeyIndex } from "./key_index.ts";

/** What a clearing needs of the engine. */
export interface ClearingHost {
  readonly arena: Arena;
  readonly entries: Entries;
  readonly index: KeyIndex;
  /** The newest version that has been given, and the time. */
  moment(): { lastVersion: number; nowMs: number };
  /** Removes an entry, and tells {@linkcode Clearings.count} before. */
  remove(address: number): void;
  /** Sees to it that {@linkcode Clearings.step} is called. */
  askForWork(): void;
}

/** What CLEAR does before it lets others in, some 100 µs. */
const CLEARED_AT_ONCE_STEPS = 500;

/** All calls of CLEAR under way. */
export class Clearings {
  /** Whether there are none: asked at every lookup. */
  isIdle = true;
  readonly #host: ClearingHost;
  #underWay: Clearing[] = [];

  constructor(host: ClearingHost) {
    this.#host = host;
  }

  /** All that are under way, in the order of their calls. */
  get underWay(): readonly Clearing[] {
    return this.#underWay;
  }

  /** Begins to clear. */
  begin(prefix: Uint8Array): Clearing {
    const clearing = this.beginHeld(prefix);
    clearing.release();
    return clearing;
  }

  /** Begins to clear, and removes nothing yet. */
  beginHeld(prefix: Uint8Array): Clearing {
    const clearing = new Clearing(this.#host, prefix, this.#decided);
    this.#underWay.push(clearing);
    this.isIdle = false;
    return clearing;
  }

  /** Whether one of them is about to remove an entry. */
  cover(address: number): boolean {
    return this.#clearingOf(address) !== undefined;
  }

  /** The same, whatever becomes of those that are held. */
  coverForGood(address: number): boolean {
    const { words } = this.#host.arena.segmentOf(address), at = this.#host.arena.wordOf(address);
    return this.#underWay.some((clearing) => !clearing.isHeld && clearing.covers(address, words, at));
  }

  /** An entry goes, or its value does: one that is covered counts, however it goes, be it by a write that comes first. */
  count(address: number): void {
    const clearing = this.#clearingOf(address);
    if (clearing === undefined) return;
    const expiry = expiryMs(this.#host.arena.segmentOf(address).words, this.#host.arena.wordOf(address));
    if (expiry === 0 || expiry > clearing.startMs) clearing.count();
  }

  /** Goes on with the oldest that is not held. Returns whether there was one. */
  step(maxSteps: number): boolean {
    const clearing = this.#underWay.find(({ isHeld }) => !isHeld);
    if (clearing !== undefined && !clearing.step(maxSteps)) this.#end(clearing);
    return clearing !== undefined;
  }

  readonly #decided = (clearing: Clearing, isReleased: boolean): void => {
    if (!isReleased || !clearing.step(CLEARED_AT_ONCE_STEPS)) this.#end(clearing);
    if (isReleased && !this.isIdle) this.#host.askForWork();
  };

  #clearingOf(address: number): Clearing | undefined {
    const { words } = this.#host.arena.segmentOf(address), at = this.#host.arena.wordOf(address);
    return this.#underWay.find((clearing) => clearing.covers(address, words, at));
  }

  #end(clearing: Clearing): void {
    this.#underWay = this.#underWay.filter((other) => other !== clearing);
    this.isIdle = this.#underWay.length === 0;
  }
}

/** One call of CLEAR. */
export class Clearing implements HeldClear {
  /** Resolves with the number of entries removed when all are; rejects if it is cancelled. */
  readonly done: Promise<number>;
  /** When it was called: what had expired by then does not count. */
  readonly startMs: number;
  /** Whether it is not decided yet that the entries go. */
  isHeld = true;
  readonly #host: ClearingHost;
  readonly #prefix: Uint8Array;
  readonly #lastVersion: number;
  readonly #onDecided: (clearing: Clearing, isReleased: boolean) => void;
  #position = 0;
  #removed = 0;
  #resolve!: (removed: number) => void;
  #reject!: (error: CryptomemError) => void;

  /** @param onDecided called once, when it is released or cancelled */
  constructor(host: ClearingHost, prefix: Uint8Array, onDecided: (clearing: Clearing, isReleased: boolean) => void) {
    const { lastVersion, nowMs } = host.moment();
    this.#host = host;
    this.#prefix = prefix.slice();
    this.#lastVersion = lastVersion;
    this.startMs = nowMs;
    this.#onDecided = onDecided;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  release(): void {
    if (!this.isHeld) return;
    this.isHeld = false;
    this.#onDecided(this, true);
  }

  cancel(): void {
    if (!this.isHeld) return;
    this.isHeld = false;
    this.#onDecided(this, false);
    this.#reject(new CryptomemError("STORAGE", "Cannot clear: the change could not be kept"));
  }

  /** Whether an entry is one of those that are removed. */
  covers(address: number, words: Int32Array, at: number): boolean {
    return version(words, at) <= this.#lastVersion && this.#host.entries.startsWith(address, this.#prefix);
  }

  /** One of the entries it covers has gone. */
  count(): void {
    this.#removed++;
  }

  /**
   * Removes some.
   *
   * @param maxSteps how many entries to look at, about
   * @returns whether there may be more
   */
  step(maxSteps: number): boolean {
    const { arena, index } = this.#host;
    for (let steps = 0; steps < maxSteps; steps++) {
      const found: number[] = [];
      this.#position = index.scan(this.#position, (address) => {
        steps++;
        if (this.covers(address, arena.segmentOf(address).words, arena.wordOf(address))) found.push(address);
      });
      for (const address of found) this.#host.remove(address);
      if (this.#position === 0) {
        this.#resolve(this.#removed);
        return false;
      }
    }
    return true;
  }
}
