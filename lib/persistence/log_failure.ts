/**
 * That an append log fails, why, and the way out: from the first error until an attempt at a next generation succeeds,
 * which is made every second. The operator is told once when it begins, and once when it is over.
 *
 * @module
 */

import type { Clock, Timer } from "../clock.ts";
import { CryptomemError } from "../errors.ts";
import { LOG_RETRY_MS } from "./limits.ts";

/** Whether a log fails. */
export class LogFailure {
  /** Why it fails; "" while it does not. */
  reason = "";
  readonly #clock: Clock;
  readonly #log: (line: string) => void;
  readonly #attempt: () => Promise<boolean>;
  #timer: Timer | undefined;
  #isAttempting = false;
  #isStopped = false;

  /**
   * @param log told a line for the operator
   * @param attempt tries to make the log work again; resolves with whether it does
   */
  constructor(clock: Clock, log: (line: string) => void, attempt: () => Promise<boolean>) {
    this.#clock = clock;
    this.#log = log;
    this.#attempt = attempt;
  }

  /** Whether changes are missing in the log. */
  get isNow(): boolean {
    return this.reason !== "";
  }

  /**
   * It has failed, for the first time or again.
   *
   * @param effect what becomes of changes meanwhile
   */
  begin(error: unknown, effect: string): void {
    const isNew = !this.isNow;
    this.reason = messageOf(error);
    if (isNew) this.#log(`The append log fails: ${this.reason}; ${effect} until it works again`);
    this.#attemptLater();
  }

  /** What those are told whose changes could not be kept. */
  error(): CryptomemError {
    const state = this.isNow ? `the append log fails: ${this.reason}` : "the append log is closed";
    return new CryptomemError("STORAGE", `Cannot keep the change: ${state}`);
  }

  /** Attempt nothing more. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #attemptLater(): void {
    if (this.#isAttempting || this.#isStopped) return;
    this.#timer ??= this.#clock.schedule(LOG_RETRY_MS, this.#attemptNow);
  }

  readonly #attemptNow = async (): Promise<void> => {
    this.#timer = undefined;
    this.#isAttempting = true;
    let isOver = false;
    try {
      isOver = await this.#attempt();
    } catch (error) {
      this.reason = messageOf(error);
    }
    this.#isAttempting = false;
    if (!isOver) return this.#attemptLater();
    this.reason = "";
    this.#log("The append log works again, in a new generation");
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error && error.message !== "" ? error.message : `unknown error ${error}`;
}
