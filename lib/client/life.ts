/**
 * How long what is stored shall live: a time to live that the server keeps to, and perhaps the same sealed in, where the
 * server cannot change it.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { describe } from "./call.ts";
import { checkedTtlMs, type SetOptions } from "./options.ts";

/** A time to live. */
export interface Life {
  /** Milliseconds; 0 = no expiry. */
  readonly ttlMs: number;
  /** Since when they are running, on the scale of {@linkcode Clock.nowMs}; `undefined` for a life that begins. */
  readonly sinceMs: number | undefined;
  /** Its end as it is sealed in, Unix time in ms; `undefined` if it is not. */
  readonly notAfterMs: number | undefined;
}

/** Lives by a clock, bound or not. */
export class Lives {
  readonly #clock: Clock;
  readonly #bindsByDefault: boolean;

  /** @param bindsByDefault whether the end of a life is sealed in unless a call says otherwise */
  constructor(clock: Clock, bindsByDefault: boolean) {
    this.#clock = clock;
    this.#bindsByDefault = bindsByDefault;
  }

  /**
   * A life that begins.
   *
   * @throws TypeError or RangeError if the ttl is none; TypeError if its end is to be sealed in and there is no ttl
   */
  begin(verb: string, key: string, { ttl, bindExpiry = this.#bindsByDefault }: SetOptions): Life {
    const ttlMs = checkedTtlMs(ttl);
    if (!bindExpiry) return { ttlMs, sinceMs: undefined, notAfterMs: undefined };
    if (ttlMs === 0) throw withoutEnd(verb, key);
    return { ttlMs, sinceMs: undefined, notAfterMs: Math.floor(this.#clock.wallMs()) + ttlMs };
  }

  /**
   * What is left of a life. An end that was sealed in stays: the server, which tells the ttl, cannot move it.
   *
   * @param ttlMs what was left at `sinceMs`, as the server told
   * @throws TypeError if its end is to be sealed in now and there is none
   */
  rest(verb: string, key: string, ttlMs: number, sinceMs: number, notAfterMs: number | undefined): Life {
    if (notAfterMs !== undefined || !this.#bindsByDefault) return { ttlMs, sinceMs, notAfterMs };
    if (ttlMs === 0) throw withoutEnd(verb, key);
    return { ttlMs, sinceMs, notAfterMs: Math.floor(this.#clock.wallMs()) + ttlMs };
  }

  /**
   * The ttl to send now: whole milliseconds, 0 for no expiry.
   *
   * The server keeps time to the millisecond, and an update takes a fraction of one. Always rounding it in one direction
   * would let a counter that is changed a thousand times a second live half or twice as long; rounded by chance, it
   * lives as long as it should.
   */
  ttlMs({ ttlMs, sinceMs }: Life): number {
    if (ttlMs === 0 || sinceMs === undefined) return ttlMs;
    return Math.max(1, ttlMs - Math.floor(this.#clock.nowMs() - sinceMs + Math.random()));
  }
}

function withoutEnd(verb: string, key: string): TypeError {
  return new TypeError(
    `Cannot ${
      describe(verb, key)
    }: the end of its life is to be sealed in (bindExpiry), and it has none; give it a ttl`,
  );
}
