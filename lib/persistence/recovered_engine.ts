/**
 * An engine as a recovery loads it: what the files tell is made again (replay.ts), with dates as moments on its clock.
 *
 * @module
 */

import type { ByteRange } from "../bytes.ts";
import type { Engine } from "../storage/engine.ts";
import type { UnixTime } from "../unix_time.ts";
import { expiryMoment } from "./expiry_date.ts";
import type { Recovered } from "./recovery.ts";

/** What is loaded goes into an engine that nobody uses yet. */
export class RecoveredEngine implements Recovered {
  readonly #engine: Engine;
  readonly #unixTime: UnixTime;
  readonly #evictedBefore: number;
  #hasDroppedLiving = false;

  constructor(engine: Engine, unixTime: UnixTime) {
    this.#engine = engine;
    this.#unixTime = unixTime;
    this.#evictedBefore = engine.stats().evicted;
  }

  /**
   * Whether the files hold entries that the engine does not, though their time may not be over: evicted while loading,
   * or not trusted to be living. A later recovery could bring them back.
   */
  get lacksEntries(): boolean {
    return this.#hasDroppedLiving || this.#engine.stats().evicted > this.#evictedBefore;
  }

  put(key: ByteRange, value: ByteRange, expiryUnixMs: number): void {
    this.#engine.replay.put(key, value, expiryMoment(expiryUnixMs, this.#unixTime));
  }

  remove(key: ByteRange): void {
    this.#engine.replay.remove(key);
  }

  expiry(key: ByteRange, expiryUnixMs: number): void {
    this.#engine.replay.expiry(key, expiryMoment(expiryUnixMs, this.#unixTime));
  }

  clear(prefix: ByteRange): void {
    this.#engine.replay.clear(prefix.copy());
  }

  rename(from: ByteRange, to: ByteRange): void {
    this.#engine.replay.rename(from, to);
  }

  dropExpiring(unixMs: number): number {
    const dropped = this.#engine.replay.dropExpiring(expiryMoment(unixMs, this.#unixTime));
    if (unixMs === Infinity && dropped > 0) this.#hasDroppedLiving = true;
    return dropped;
  }
}
