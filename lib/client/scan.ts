/**
 * Walking the names of a namespace, a page at a time: the next one is asked for when the last name of this one was taken.
 *
 * @module
 */

import { OPCODE } from "../codec/operations.ts";
import { DEFAULT_SCAN_COUNT_ENTRIES, MAX_CONCURRENT_SCAN_READS, MAX_SCAN_COUNT_ENTRIES } from "../limits.ts";
import { type ScanOptions, wellFormed } from "./options.ts";
import type { Pipeline } from "./pipeline.ts";
import type { Places } from "./place.ts";
import { FIRST_CURSOR, keyRequest, malformed, pageOf, scanRequest, wasDone } from "./requests.ts";
import type { SealedValues } from "./sealed_values.ts";

const VERB = "scan";

/** One entry of a scan. */
export interface ScannedName {
  /** The entry's key; or, if it could not be opened, what the server calls it, without the namespace. */
  readonly name: string;
  /**
   * Whether `name` is the key: read from the sealed value where names are blinded. `false` for a value that did not open,
   * and for all names of a client without a key, which cannot tell one from a stand-in.
   */
  readonly isOpened: boolean;
}

/** What a {@linkcode Scan} needs. */
export interface ScanParts {
  readonly pipeline: Pipeline;
  readonly places: Places;
  readonly values: SealedValues | undefined;
  /** Throws once the client is closed. */
  readonly checkOpen: () => void;
}

/** One walk. */
export class Scan implements AsyncIterable<ScannedName> {
  readonly #parts: ScanParts;
  readonly #prefix: string;
  readonly #count: number;

  /** @throws TypeError or RangeError if an option is none */
  constructor(parts: ScanParts, { prefix = "", count = DEFAULT_SCAN_COUNT_ENTRIES }: ScanOptions) {
    this.#parts = parts;
    this.#prefix = wellFormed("prefix", prefix);
    if (!Number.isInteger(count) || count < 1 || count > MAX_SCAN_COUNT_ENTRIES) {
      throw new RangeError(
        `Cannot use count ${count}: it must be a whole number from 1 to ${MAX_SCAN_COUNT_ENTRIES}`,
      );
    }
    this.#count = count;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ScannedName> {
    const { places, values } = this.#parts;
    let cursor = FIRST_CURSOR;
    do {
      const page = await this.#page(cursor);
      // Without going on it would never end.
      if (page.cursor === cursor && cursor !== FIRST_CURSOR) throw malformed(VERB, undefined, "with the same cursor");
      cursor = page.cursor;
      // What is not of this namespace was not asked for, whatever the server says; and no client names anything so.
      const names = page.wireKeys.map((wireKey) => places.nameIn(wireKey)).filter((name) => name !== undefined);
      if (values !== undefined && places.areBlinded) yield* this.#opened(values, names);
      else {
        const isOpened = values !== undefined;
        for (const name of names) if (name.startsWith(this.#prefix)) yield { name, isOpened };
      }
    } while (cursor !== FIRST_CURSOR);
  }

  async #page(cursor: bigint): Promise<ReturnType<typeof pageOf>> {
    const { pipeline, places, checkOpen } = this.#parts;
    checkOpen();
    // Where names are blinded, no name the server knows begins as the key does.
    const wirePrefix = places.wirePrefix(places.areBlinded ? "" : this.#prefix);
    const reply = await pipeline.send(VERB, undefined, scanRequest(wirePrefix, cursor, this.#count));
    wasDone(OPCODE.SCAN, reply, VERB);
    return pageOf(reply, VERB);
  }

  /** The real names behind blinded ones, some values at a time. */
  async *#opened(values: SealedValues, blindedNames: readonly string[]): AsyncGenerator<ScannedName> {
    for (let start = 0; start < blindedNames.length; start += MAX_CONCURRENT_SCAN_READS) {
      const group = blindedNames.slice(start, start + MAX_CONCURRENT_SCAN_READS);
      for (const scanned of await Promise.all(group.map((name) => this.#open(values, name)))) {
        if (scanned !== undefined) yield scanned;
      }
    }
  }

  /** One of them; `undefined` if the entry is gone, or its name is not one that was asked for. */
  async #open(values: SealedValues, blindedName: string): Promise<ScannedName | undefined> {
    const { pipeline, places, checkOpen } = this.#parts;
    checkOpen();
    const place = places.blinded(blindedName, blindedName, undefined);
    const reply = await pipeline.send(VERB, blindedName, keyRequest(OPCODE.GET, place.wireKey));
    if (!wasDone(OPCODE.GET, reply, VERB, blindedName)) return undefined;
    const name = await values.nameIn(place, reply.value);
    if (name !== undefined) return name.startsWith(this.#prefix) ? { name, isOpened: true } : undefined;
    // Whether it begins as asked is not known; all are shown to who asks for all.
    return this.#prefix === "" ? { name: blindedName, isOpened: false } : undefined;
  }
}
