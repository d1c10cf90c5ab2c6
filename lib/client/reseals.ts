/**
 * Sealing anew what was read and is sealed with a key that is on its way out, so that the old key can be dropped sooner
 * than everything it sealed has expired. In the background: whoever reads neither waits for it nor hears of its
 * failures, since the next read tries again.
 *
 * @module
 */

import { MAX_CONCURRENT_RESEALS } from "../limits.ts";
import type { Entries } from "./entries.ts";
import type { Pipeline } from "./pipeline.ts";
import type { Found, SealedValues } from "./sealed_values.ts";

const VERB = "reseal";

/** Reseals what is given to it, a few at a time. */
export class Reseals {
  readonly #entries: Entries;
  readonly #values: SealedValues;
  readonly #pipeline: Pipeline;
  /** What is under way. What comes while it is full is left to the next read. */
  readonly #keys = new Set<string>();

  constructor(entries: Entries, values: SealedValues, pipeline: Pipeline) {
    this.#entries = entries;
    this.#values = values;
    this.#pipeline = pipeline;
  }

  /** Reseals an entry whose value was read, if it should be. */
  consider(key: string, found: Found): void {
    if (!this.#values.isStale(found) || this.#keys.has(key) || this.#keys.size >= MAX_CONCURRENT_RESEALS) return;
    this.#keys.add(key);
    this.#pipeline.whileUnderWay(() => this.#reseal(key)).catch(() => {}).finally(() => this.#keys.delete(key));
  }

  /** Reads it once more: what is stored must be what is there then, with the time that it has left. */
  async #reseal(key: string): Promise<void> {
    const current = await this.#entries.current(VERB, key);
    const found = await this.#entries.open(VERB, current);
    // Whoever has changed it since has sealed it anew.
    if (found !== undefined && this.#values.isStale(found)) await this.#entries.reseal(VERB, current, found);
  }
}
