/**
 * A clock that a test turns by hand: nothing happens on it by itself, so no test waits and none depends on the load
 * of the machine.
 *
 * @module
 */

import type { Clock, Timer } from "../../lib/clock.ts";

interface PendingTimer {
  dueMs: number;
  callback: () => void;
}

/** A {@linkcode Clock} that moves only when told to. */
export class FakeClock implements Clock {
  #nowMs: number;
  #wallMs: number;
  /** In order of creation, which breaks ties between timers that are due together. */
  readonly #pending = new Set<PendingTimer>();

  /**
   * @param start the first readings; by default the monotonic scale starts at 0 and the wall at 2026-01-01, far
   * apart, so that code which mixes up the two scales fails
   */
  constructor(start: { nowMs?: number; wallMs?: number } = {}) {
    this.#nowMs = start.nowMs ?? 0;
    this.#wallMs = start.wallMs ?? Date.UTC(2026, 0, 1);
  }

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallMs;
  }

  schedule(delayMs: number, callback: () => void): Timer {
    const timer: PendingTimer = { dueMs: this.#nowMs + Math.max(0, delayMs), callback };
    this.#pending.add(timer);
    return { cancel: () => void this.#pending.delete(timer) };
  }

  /** Timers that wait: a test that ends with 0 has seen that nothing was left behind. */
  get pendingTimers(): number {
    return this.#pending.size;
  }

  /**
   * Lets `ms` pass on both scales. Runs every timer that comes due, in order of time, each at its own moment; timers
   * they set run too if they come due within the span, so one that sets itself again with 0 ms never ends.
   * Callbacks run synchronously: await something afterwards if they settle promises.
   */
  advance(ms: number): void {
    if (!(ms >= 0)) throw new RangeError(`Cannot advance the clock by ${ms} ms: time only goes forward`);
    const endMs = this.#nowMs + ms;
    for (let timer = this.#next(); timer !== undefined && timer.dueMs <= endMs; timer = this.#next()) {
      this.#pending.delete(timer);
      this.#moveTo(timer.dueMs);
      timer.callback();
    }
    this.#moveTo(endMs);
  }

  /** Sets the machine's date: the wall jumps there, deadlines stay where they are. */
  setWall(wallMs: number): void {
    this.#wallMs = wallMs;
  }

  /** Moves the machine's date by `ms`, also backwards; deadlines stay where they are. */
  jumpWall(ms: number): void {
    this.#wallMs += ms;
  }

  #next(): PendingTimer | undefined {
    let first: PendingTimer | undefined;
    for (const timer of this.#pending) if (first === undefined || timer.dueMs < first.dueMs) first = timer;
    return first;
  }

  #moveTo(nowMs: number): void {
    // A callback may itself have advanced the clock; time still never goes back.
    const passedMs = Math.max(0, nowMs - this.#nowMs);
    this.#nowMs += passedMs;
    this.#wallMs += passedMs;
  }
}
