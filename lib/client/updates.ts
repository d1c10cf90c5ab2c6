/**
 * Changes that depend on what is there. A server that cannot read values cannot make them, so the client reads, changes
 * and stores if nobody else has changed the entry meanwhile; else it starts over. Of any number of clients that do so at
 * once one always wins, so none of the changes is lost or made twice.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import { OPCODE } from "../codec/operations.ts";
import type { SealedBody } from "../crypto/envelope.ts";
import { encodeValue, type Value } from "../crypto/value.ts";
import { CryptomemError, IntegrityError } from "../errors.ts";
import { FIRST_RETRY_PAUSE_MS, MAX_RETRY_PAUSE_MS } from "../limits.ts";
import { describe } from "./call.ts";
import type { Current, Entries } from "./entries.ts";
import type { Life, Lives } from "./life.ts";
import type { SetOptions } from "./options.ts";
import type { Pipeline } from "./pipeline.ts";
import type { Found } from "./sealed_values.ts";
import type { Turns } from "./turns.ts";

/** What {@linkcode Updates} needs. */
export interface UpdatesParts {
  readonly entries: Entries;
  readonly pipeline: Pipeline;
  readonly turns: Turns;
  readonly lives: Lives;
  readonly clock: Clock;
  /** Whether each value is sealed with how new it is, so that storing one takes knowing the one before. */
  readonly isSequenced: boolean;
  /** For how long a change is tried again. */
  readonly timeoutMs: number;
}

/** A change of a value: what it becomes, or `undefined` to leave it. */
export type Change = (value: Value | undefined) => Value | object | undefined | Promise<Value | object | undefined>;

/** Another client was faster. */
const LOST = Symbol("lost");

/** The server forgets what was left behind at the end of this; see {@linkcode Entries.end}. */
const REMAINS_MS = 2;

/** Carries changes out. */
export class Updates {
  readonly #parts: UpdatesParts;

  constructor(parts: UpdatesParts) {
    this.#parts = parts;
  }

  /**
   * Stores a value whose sequence is to be higher than that of the one that is there. A value that does not open is
   * replaced like any other.
   *
   * @param needsPresent whether there must be one
   * @returns whether it was stored
   */
  set(verb: string, key: string, body: SealedBody, life: Life, needsPresent: boolean): Promise<boolean> {
    return this.#untilWon(verb, [key], () => this.#setOnce(verb, key, body, life, needsPresent));
  }

  async #setOnce(
    verb: string,
    key: string,
    body: SealedBody,
    life: Life,
    needsPresent: boolean,
  ): Promise<boolean | typeof LOST> {
    const { entries } = this.#parts;
    const current = await entries.current(verb, key);
    if (needsPresent && current.bytes === undefined) return false;
    const present = await this.#sequenceOf(verb, current);
    return await entries.replace(verb, current, present, body, life) || LOST;
  }

  /** How new the value of a state is; `undefined` if it does not say, or does not open. */
  async #sequenceOf(verb: string, current: Current): Promise<number | undefined> {
    try {
      return (await this.#parts.entries.open(verb, current))?.sealed?.sequence;
    } catch (error) {
      if (error instanceof IntegrityError) return undefined;
      throw error;
    }
  }

  /**
   * Changes a value by a function, which may be called several times.
   *
   * @param options with a ttl, how long it lives from now; else as long as it has left
   * @param isTtlForNew whether the ttl is for a new entry only
   * @returns what was stored; `undefined` if nothing was
   */
  change(
    verb: string,
    key: string,
    change: Change,
    options: SetOptions,
    isTtlForNew: boolean,
  ): Promise<Value | object | undefined> {
    return this.#untilWon(verb, [key], async () => {
      const { entries, lives } = this.#parts;
      const current = await entries.current(verb, key);
      const found = await entries.open(verb, current);
      const value = await change(found?.value);
      if (value === undefined) return undefined;
      const body = encodeValue(value);
      const isNewLife = found === undefined || options.ttl !== undefined && !isTtlForNew;
      const life = isNewLife ? lives.begin(verb, key, options) : entries.rest(verb, current, found);
      return await entries.replace(verb, current, found?.sealed?.sequence, body, life) ? value : LOST;
    });
  }

  /**
   * Moves a value to another key. The new entry is there before the old one goes, so that the value is never in no place.
   *
   * @returns whether there was one
   */
  async rename(from: string, to: string): Promise<boolean> {
    let isCopied = false;
    return await this.#untilWon("rename", [from, to], async () => {
      const { entries } = this.#parts;
      const current = await entries.current("rename", from);
      const found = await entries.open("rename", current);
      // Gone since it was copied: by somebody else's hand, but gone.
      if (found === undefined) return isCopied;
      if (!await this.#copy(to, current, found)) return LOST;
      isCopied = true;
      // Changed since it was read: then what it is now has to be moved.
      if (!await entries.end("rename", current)) return LOST;
      await this.#pause(REMAINS_MS);
      return true;
    });
  }

  /** Puts the value of a state under another key, to live as long as it has left. */
  async #copy(to: string, current: Current, found: Found): Promise<boolean> {
    const { entries, isSequenced } = this.#parts;
    const body = found.sealed ?? encodeValue(found.value);
    const life = entries.rest("rename", current, found);
    if (!isSequenced) return await entries.store("rename", to, OPCODE.SET, body, life);
    return await this.#setOnce("rename", to, body, life, false) === true;
  }

  /** Lets an attempt have its turn, and repeats it until it is not lost. */
  #untilWon<T>(verb: string, keys: readonly string[], attempt: () => Promise<T | typeof LOST>): Promise<T> {
    const { pipeline, turns, clock, timeoutMs } = this.#parts;
    // From the call on, so that waiting for its turn counts.
    const deadlineMs = clock.nowMs() + timeoutMs;
    const run = async (): Promise<T> => {
      for (let attempts = 1;; attempts++) {
        const outcome = await attempt();
        if (outcome !== LOST) return outcome;
        if (clock.nowMs() >= deadlineMs) {
          const state = `others changed the entry each time; gave up after ${attempts} attempts within ${timeoutMs} ms`;
          throw new CryptomemError("CONFLICT", `Cannot ${describe(verb, keys[0]!)}: ${state}`);
        }
        // By chance, so that those who lost together do not meet again; ever longer, since there may be many of them.
        await this.#pause(Math.random() * Math.min(FIRST_RETRY_PAUSE_MS * 2 ** (attempts - 1), MAX_RETRY_PAUSE_MS));
      }
    };
    return turns.take(verb, keys, () => pipeline.whileUnderWay(run));
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#parts.clock.schedule(delayMs, resolve));
  }
}
