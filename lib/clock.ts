/**
 * Time as an argument. This is the only file that reads a clock or sets a timer; everything that needs time takes a
 * {@linkcode Clock}, so that tests can pass one they turn by hand and never wait.
 *
 * @module
 */

/** A pending callback; `cancel` is safe to call at any time, also twice. */
export interface Timer {
  /** Forget the callback; does nothing once it has run. */
  cancel(): void;
}

/** Two readings of time and a way to be called later. */
export interface Clock {
  /**
   * Milliseconds since an arbitrary start, never going back and unmoved by changes of the machine's date.
   * All deadlines in memory are kept on this scale.
   */
  nowMs(): number;
  /** Unix time in milliseconds; jumps when the machine's date is set. For what leaves the process only. */
  wallMs(): number;
  /** Run `callback` once, `delayMs` from now or later. A pending timer does not keep the process alive. */
  schedule(delayMs: number, callback: () => void): Timer;
}

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  schedule(delayMs, callback) {
    const id = setTimeout(callback, delayMs);
    // A janitor or a deadline must never be what keeps a finished process running.
    if (typeof Deno !== "undefined") Deno.unrefTimer(id);
    return { cancel: () => clearTimeout(id) };
  },
};

/**
 * A clock that reads another at most once in each turn of the event loop, for who asks the time for every request: a
 * reading costs 80 ns, as much as finding the entry. All requests of one read then see the same moment, which was
 * less than one turn ago.
 */
export function turnClock(clock: Clock): Clock {
  let isRead = false;
  let nowMs = 0;
  const endTurn = () => void (isRead = false);
  return {
    nowMs() {
      if (!isRead) {
        nowMs = clock.nowMs();
        isRead = true;
        queueMicrotask(endTurn);
      }
      return nowMs;
    },
    wallMs: () => clock.wallMs(),
    schedule: (delayMs, callback) => clock.schedule(delayMs, callback),
  };
}
