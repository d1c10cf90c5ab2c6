/**
 * Snapshots: all entries as they were at one moment, given to somebody while they go on changing.
 *
 * Every entry has a mark, one bit. Between snapshots all marks are alike. One begins by turning round which mark is the
 * current one: those with the other mark are to be given. They are, piece by piece, in a walk over the index that
 * survives its growth, and out of turn just before they change or go; whoever is given gets the current mark, and what
 * is stored meanwhile is born with it. So a begin costs nothing, and each entry is given once.
 *
 * A walk whose snapshot was given up goes on with nobody to give to, until all marks are alike again.
 *
 * @module
 */

import { ByteRange } from "../bytes.ts";
import type { Arena } from "./arena.ts";
import type { Clearing, Clearings } from "./clearing.ts";
import type { EngineTime } from "./engine_time.ts";
import type { Entries } from "./entries.ts";
import { expiryMs, flipMark, mark } from "./entry.ts";
import type { KeyIndex } from "./key_index.ts";

/** Takes the entries of a snapshot. */
export interface SnapshotSink {
  /**
   * Takes one entry. The ranges are valid during the call only; it is made in the middle of a change, so it must neither
   * throw nor call the engine.
   *
   * @param expiryMs on the engine's clock, 0 = never
   */
  add(key: ByteRange, value: ByteRange, expiryMs: number): void;
}

/** One snapshot under way. */
export interface Snapshot {
  /**
   * Gives some entries.
   *
   * @param maxEntries how many to look at, about; fewer when they are large
   * @returns whether there may be more; `false` when all have been given, and after {@linkcode Snapshot.abort}
   */
  step(maxEntries: number): boolean;

  /** Gives it up: nothing more is given. */
  abort(): void;
}

/** What snapshots need of an engine. */
export interface SnapshotHost {
  readonly arena: Arena;
  readonly entries: Entries;
  readonly index: KeyIndex;
  readonly clearings: Clearings;
  readonly time: EngineTime;
}

/** From so many bytes of keys and values on, a step gives nothing more: as much as is copied in some 50 µs. */
const MAX_STEP_BYTES = 256 * 1024;
/** Entries to a step where a walk is ended without a pause. */
const ENDING_STEP_ENTRIES = 1_000;

/** All snapshots of an engine, one after the other. */
export class Snapshots {
  /** Whether nothing is to be given: asked before every change. */
  isIdle = true;
  /** The current mark. */
  mark = 0;
  readonly #host: SnapshotHost;
  readonly #key = new ByteRange();
  readonly #value = new ByteRange();
  #sink: SnapshotSink | undefined;
  #current: Snapshot | undefined;
  /** Whether not all marks may be alike. */
  #isWalking = false;
  #position = 0;
  /** When it began: what had expired by then is not given, */
  #beginMs = 0;
  /** nor what these were about to remove. */
  #clearings: readonly Clearing[] = [];
  /** What the step under way may still do. */
  #leftEntries = 0;
  #leftBytes = 0;
  /** Of the bucket it is at, what is to be given. */
  readonly #found: number[] = [];

  constructor(host: SnapshotHost) {
    this.#host = host;
  }

  /** Whether a walk has to be ended that nobody steps any more. */
  get isEnding(): boolean {
    return this.#isWalking && this.isIdle;
  }

  /** Whether all marks are alike. */
  get isSettled(): boolean {
    return !this.#isWalking;
  }

  /**
   * Begins a snapshot of this moment.
   *
   * @throws Error while another one is under way
   */
  begin(sink: SnapshotSink): Snapshot {
    if (!this.isIdle) throw new Error("Cannot begin a snapshot: another one is under way");
    while (this.#isWalking) this.walk(ENDING_STEP_ENTRIES);
    this.isIdle = false;
    this.mark ^= 1;
    this.#sink = sink;
    this.#isWalking = true;
    this.#position = 0;
    this.#beginMs = this.#host.time.nowMs();
    this.#clearings = [...this.#host.clearings.underWay];
    const snapshot: Snapshot = {
      step: (maxEntries) => this.#current === snapshot && this.walk(maxEntries),
      abort: () => {
        if (this.#current === snapshot) this.#forgetSink();
      },
    };
    return this.#current = snapshot;
  }

  /** An entry is about to change or to go: gives it, if it is to be given. */
  give(address: number): void {
    const { arena, entries, time } = this.#host;
    const { words } = arena.segmentOf(address), at = arena.wordOf(address);
    if (mark(words, at) === this.mark) return;
    flipMark(words, at);
    if (this.#sink === undefined || !this.#wasThere(address, words, at)) return;
    entries.pointKey(address, this.#key);
    entries.point(address, this.#value);
    this.#leftBytes -= this.#key.length + this.#value.length;
    this.#sink.add(this.#key, this.#value, time.onClock(expiryMs(words, at)));
  }

  /** {@linkcode Snapshot.step}, also without a sink. */
  walk(maxEntries: number): boolean {
    this.#leftEntries = maxEntries;
    this.#leftBytes = MAX_STEP_BYTES;
    while (this.#leftEntries > 0) {
      this.#found.length = 0;
      const next = this.#host.index.scan(this.#position, this.#look);
      for (let i = 0; i < this.#found.length && this.#leftBytes > 0; i++) this.give(this.#found[i]!);
      // Some of this bucket may not have been given: it is looked at once more, and who was given is passed over.
      if (this.#leftBytes <= 0) return true;
      this.#position = next;
      if (next === 0) {
        this.#isWalking = false;
        this.#forgetSink();
        return false;
      }
      // An empty bucket counts too, or a nearly empty index would be walked in one go.
      this.#leftEntries--;
    }
    return true;
  }

  /** Before any entry of a bucket is given, so that their memory is waited for together and not one after the other. */
  readonly #look = (address: number): void => {
    const { arena } = this.#host;
    this.#leftEntries--;
    if (mark(arena.segmentOf(address).words, arena.wordOf(address)) !== this.mark) this.#found.push(address);
  };

  #wasThere(address: number, words: Int32Array, at: number): boolean {
    const expiry = expiryMs(words, at);
    if (expiry !== 0 && expiry <= this.#beginMs) return false;
    return !this.#clearings.some((clearing) => clearing.covers(address, words, at));
  }

  #forgetSink(): void {
    this.isIdle = true;
    this.#sink = this.#current = undefined;
    this.#clearings = [];
  }
}
