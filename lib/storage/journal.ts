/**
 * The seam between an engine and who keeps its changes: what an engine tells of them, when they are made and in their
 * order. Told from an empty engine on, they lead to the same entries, to the bit (replay.ts makes them again).
 *
 * Ranges are valid during the call only. An expiry is a moment on the engine's clock in whole milliseconds, 0 = never.
 * Nothing but {@linkcode Journal.check}, {@linkcode Journal.begin} and {@linkcode Journal.clear} may throw, and what
 * these throw is the caller's answer: CryptomemError `STORAGE`.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";

/** Told of all that changes in an engine. */
export interface Journal {
  /**
   * Asked before anything is done that somebody asks for and that may change something.
   *
   * @throws CryptomemError `STORAGE` if changes cannot be kept; then nothing has changed, and nothing was evicted
   */
  check(): void;

  /**
   * Takes the place of {@linkcode check} where changes begin that belong together, until {@linkcode end}: they are kept
   * all or none. Both come within one turn of the event loop.
   *
   * @param expectedBytes about what keys and values of these changes have; so much should not be refused on the way
   * @throws CryptomemError `STORAGE` as `check`; then nothing has begun
   */
  begin(expectedBytes: number): void;

  /** Ends what was begun. */
  end(): void;

  /** An entry has this value and this expiry now, whatever it had before. */
  put(key: ByteRange, value: ByteRange, expiryMs: number): void;

  /** An entry has gone: removed, expired or evicted. One whose time is over may be told late, or not at all. */
  remove(key: ByteRange): void;

  /** An entry has another expiry. */
  expiry(key: ByteRange, expiryMs: number): void;

  /**
   * All entries under a prefix go. Told before; that they go one by one is not told.
   *
   * @throws CryptomemError `STORAGE` if that cannot be kept; then all stay
   */
  clear(prefix: Uint8Array): void;

  /** An entry has another key, with its value and its expiry; what that key had has gone. */
  rename(from: ByteRange, to: ByteRange): void;

  /** Who changes may have to be taken back for, if anybody. */
  readonly undo?: UndoJournal | undefined;
}

/**
 * Told what it takes to take changes back. One after the other, from the last to the first, these lead back to where the
 * engine was: each {@linkcode previous} given to {@linkcode Replay.takeBack}, each {@linkcode previousExpiry} to
 * {@linkcode Replay.expiry}, each {@linkcode cleared} cancelled.
 */
export interface UndoJournal {
  /**
   * A key is about to be changed, by a request or because its entry is evicted.
   *
   * @param value `undefined` if there is no entry
   */
  previous(key: ByteRange, value: ByteRange | undefined, expiryMs: number): void;

  /** Only the expiry of an entry is about to be changed, from this one. */
  previousExpiry(key: ByteRange, expiryMs: number): void;

  /** Entries have been cleared, which means hidden: they go once they are released. */
  cleared(clear: HeldClear): void;
}

/** Entries that are gone for everybody, but could still come back. They keep their memory until it is decided. */
export interface HeldClear {
  /** Lets them go. */
  release(): void;

  /** Lets them stay, save those that were written, removed or evicted meanwhile. Who cleared them is answered `STORAGE`. */
  cancel(): void;
}
