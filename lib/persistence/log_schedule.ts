/**
 * When the records of an append log are written and synced that nobody waits for: gathered for some milliseconds, and
 * with `everysec` synced within a second. An idle log sets no timers.
 *
 * @module
 */

import type { Clock, Timer } from "../clock.ts";
import { LOG_GATHER_MS, LOG_SYNC_INTERVAL_MS } from "./limits.ts";

/** What is due. Who does it sets it back to false. */
export class LogSchedule {
  /** Whether what has been gathered is to be written. */
  isWriteDue = false;
  /** Whether what has been gathered is to be written, and everything to be synced. */
  isSyncDue = false;
  readonly #clock: Clock;
  readonly #syncs: boolean;
  readonly #onDue: () => void;
  #writeTimer: Timer | undefined;
  #syncTimer: Timer | undefined;

  /**
   * @param syncs whether anything is synced at all
   * @param onDue called when something has become due
   */
  constructor(clock: Clock, syncs: boolean, onDue: () => void) {
    this.#clock = clock;
    this.#syncs = syncs;
    this.#onDue = onDue;
  }

  /** Records have been made. */
  onRecord(): void {
    this.#writeTimer ??= this.#clock.schedule(LOG_GATHER_MS, this.#write);
    if (this.#syncs) this.#syncTimer ??= this.#clock.schedule(LOG_SYNC_INTERVAL_MS, this.#sync);
  }

  /** Nothing is due any more, until new records are made. */
  clear(): void {
    this.isWriteDue = false;
    this.isSyncDue = false;
    this.#writeTimer?.cancel();
    this.#syncTimer?.cancel();
    this.#writeTimer = undefined;
    this.#syncTimer = undefined;
  }

  readonly #write = (): void => {
    this.#writeTimer = undefined;
    this.isWriteDue = true;
    this.#onDue();
  };

  readonly #sync = (): void => {
    this.#syncTimer = undefined;
    this.isSyncDue = true;
    this.#onDue();
  };
}
