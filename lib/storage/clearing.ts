/**
 * CLEAR: removes the entries under a prefix that were there at one moment, piece by piece. Until it is done, the engine
 * asks it about every entry it finds, so that for everybody they are gone at once.
 *
 * An entry was there at that moment if its version is not above the last one that had been given then. So one that is
 * written meanwhile stays, also under the same key.
 *
 * @module
 */

import type { Arena } from "./arena.ts";
import type { Entries } from "./entries.ts";
import { expiryMs, version } from "./entry.ts";
import type { KeyIndex } from "./key_index.ts";

/** What a clearing needs of the engine. */
export interface ClearingHost {
  readonly arena: Arena;
  readonly entries: Entries;
  readonly index: KeyIndex;
  /** Removes an entry, and tells {@linkcode Clearings.count} before. */
  remove(address: number): void;
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

  /**
   * Begins to clear.
   *
   * @param start the moment of the call: the newest version given by then, and the time
   * @returns how many there were, when they are gone
   */
  begin(prefix: Uint8Array, start: { lastVersion: number; nowMs: number }): Promise<number> {
    const clearing = new Clearing(this.#host, prefix, start);
    this.#underWay.push(clearing);
    this.isIdle = false;
    if (!clearing.step(CLEARED_AT_ONCE_STEPS)) this.#end(clearing);
    return clearing.done;
  }

  /** Whether one of them is about to remove an entry. */
  cover(address: number): boolean {
    return this.#clearingOf(address) !== undefined;
  }

  /** An entry goes, or its value does: one that is covered counts, however it goes, be it by a write that comes first. */
  count(address: number): void {
    const clearing = this.#clearingOf(address);
    if (clearing === undefined) return;
    const expiry = expiryMs(this.#host.arena.segmentOf(address).words, this.#host.arena.wordOf(address));
    if (expiry === 0 || expiry > clearing.startMs) clearing.count();
  }

  /** Goes on with the oldest. Returns whether there was one. */
  step(maxSteps: number): boolean {
    const [clearing] = this.#underWay;
    if (clearing !== undefined && !clearing.step(maxSteps)) this.#end(clearing);
    return clearing !== undefined;
  }

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
class Clearing {
  /** Resolves with the number of entries removed when all are. */
  readonly done: Promise<number>;
  /** When it was called: what had expired by then does not count. */
  readonly startMs: number;
  readonly #host: ClearingHost;
  readonly #prefix: Uint8Array;
  readonly #lastVersion: number;
  #position = 0;
  #removed = 0;
  #resolve!: (removed: number) => void;

  /** @param start the moment of the call: the newest version given by then, and the time */
  constructor(host: ClearingHost, prefix: Uint8Array, start: { lastVersion: number; nowMs: number }) {
    this.#host = host;
    this.#prefix = prefix.slice();
    this.#lastVersion = start.lastVersion;
    this.startMs = start.nowMs;
    this.done = new Promise((resolve) => this.#resolve = resolve);
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
