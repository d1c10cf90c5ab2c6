/**
 * Reading what was stored before values were sealed. As long as this is on, whoever steers the server can make up
 * values; so it is on for a stated time only, and never quietly.
 *
 * @module
 */

import { strictTextOf } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import { isLayout } from "../crypto/envelope_header.ts";
import type { Value } from "../crypto/value.ts";
import { MIGRATION_WARNING_INTERVAL_MS } from "../limits.ts";

/** Admits plaintext until a moment, and says so. */
export class PlaintextWindow {
  readonly #clock: Clock;
  readonly #endMs: number;
  readonly #warn: (message: string) => void;
  /** Values read since the last warning. */
  #unreported = 0;
  #nextWarningMs = -Infinity;

  /**
   * Warns at once.
   *
   * @param endMs Unix time in ms
   */
  constructor(clock: Clock, endMs: number, warn: (message: string) => void) {
    this.#clock = clock;
    this.#endMs = endMs;
    this.#warn = warn;
    const end = new Date(endMs).toISOString();
    warn(
      this.#isOpen()
        ? `Cryptomem: values that are not sealed are read until ${end}; until then the server can forge values`
        : `Cryptomem: values that are not sealed have not been read since ${end}; take the option migration away`,
    );
  }

  /**
   * Whether a value is to be taken as plaintext. Never one that begins as an envelope, whatever is wrong with it: a
   * damaged value would come back as text.
   */
  admits(value: Uint8Array): boolean {
    return !isLayout(value[0]) && this.#isOpen();
  }

  /** The value that plaintext is: a text if it is UTF-8, else bytes. Counts it. */
  read(plaintext: Uint8Array): Value {
    this.#unreported++;
    const nowMs = this.#clock.nowMs();
    if (nowMs >= this.#nextWarningMs) {
      this.#warn(`Cryptomem: values read that are not sealed, since the last warning: ${this.#unreported}`);
      this.#unreported = 0;
      this.#nextWarningMs = nowMs + MIGRATION_WARNING_INTERVAL_MS;
    }
    try {
      return strictTextOf(plaintext);
    } catch {
      return new Uint8Array(plaintext);
    }
  }

  #isOpen(): boolean {
    return this.#clock.wallMs() < this.#endMs;
  }
}
