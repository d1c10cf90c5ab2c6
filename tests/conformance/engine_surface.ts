/** The store itself, without any bytes around it. */

import { ByteRange, utf8 } from "../../lib/bytes.ts";
import { CryptomemError } from "../../lib/errors.ts";
import type { Store } from "../../lib/storage/store.ts";
import { type Content, type Operation, type Outcome, Refused, type Surface } from "./surface.ts";

const NO_BYTES = new Uint8Array(0);

/** Operations as calls of the engine. */
export class EngineSurface implements Surface {
  readonly name: string = "the engine";
  readonly ttlStepMs = 1;
  readonly #engine: Store;
  #seenVersion = 0;

  constructor(engine: Store) {
    this.#engine = engine;
  }

  refuses(): undefined {
    return undefined;
  }

  async perform(operation: Operation): Promise<Outcome> {
    try {
      return await this.#perform(operation);
    } catch (error) {
      if (error instanceof CryptomemError) return new Refused(error.code);
      throw error;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #perform(operation: Operation): Outcome | Promise<number> {
    const engine = this.#engine, found = new ByteRange();
    const key = rangeOf(operation[1] as Content);
    const valueIf = (isThere: boolean) => isThere ? found.copy() : undefined;
    switch (operation[0]) {
      case "set":
        engine.set(key, rangeOf(operation[2]), operation[3] ?? 0);
        return true;
      case "get":
        return valueIf(engine.get(key, found));
      case "delete":
        return engine.delete(key);
      case "exists":
        return engine.exists(key);
      case "ttl": {
        const ttlMs = engine.ttlMs(key);
        return ttlMs === -2 ? undefined : ttlMs;
      }
      case "add":
        return engine.add(key, rangeOf(operation[2]), operation[3] ?? 0);
      case "replace":
        return engine.replace(key, rangeOf(operation[2]), operation[3] ?? 0);
      case "swap":
        return valueIf(engine.swap(key, rangeOf(operation[2]), operation[3] ?? 0, found));
      case "take":
        return valueIf(engine.take(key, found));
      case "touch":
        return engine.touch(key, operation[2]);
      case "persist":
        return engine.touch(key, 0);
      case "getex":
        return valueIf(engine.getAndTouch(key, operation[2], found));
      case "incr":
        return engine.increment(key, operation[2] ?? 1, operation[3] ?? 0);
      case "decr":
        return engine.increment(key, -(operation[2] ?? 1), operation[3] ?? 0);
      case "getv":
        this.#seenVersion = engine.getVersioned(key, found);
        return valueIf(this.#seenVersion > 0);
      case "cas": {
        const expected = operation[2] === "absent" ? 0 : this.#seenVersion;
        const version = engine.compareAndSet(key, expected, rangeOf(operation[3]), operation[4] ?? 0);
        if (version > 0) this.#seenVersion = version;
        return version > 0 ? true : version === 0 ? false : new Refused("CONFLICT");
      }
      case "scan": {
        const keys = new Set<string>();
        let cursor = 0;
        do {
          cursor = engine.scan(cursor, operation[2] ?? 10, bytesOf(operation[1]), (key) => {
            keys.add(new TextDecoder().decode(key.copy()));
          });
        } while (cursor !== 0);
        return [...keys].sort();
      }
      case "clear":
        return engine.clear(operation[1] === "" ? NO_BYTES : bytesOf(operation[1]));
      case "wait":
        throw new TypeError("Cannot wait: the runner turns the clock");
    }
  }
}

/** A content as bytes. */
export function bytesOf(content: Content): Uint8Array {
  return typeof content === "string" ? utf8(content) : content;
}

function rangeOf(content: Content | number): ByteRange {
  return ByteRange.of(typeof content === "number" ? NO_BYTES : bytesOf(content));
}
