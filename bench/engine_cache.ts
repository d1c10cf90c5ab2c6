/**
 * This project's engine as a cache whose hit rate is measured: in process, without network and protocol, which do not
 * change what it keeps.
 *
 * @module
 */

import { ByteRange, utf8 } from "../lib/bytes.ts";
import { Engine } from "../lib/storage/engine.ts";
import type { PolicyName } from "../lib/storage/eviction/policy.ts";
import { BATCH_REQUESTS, KEY_BYTES, type TestedCache, VALUE_BYTES, writeKey } from "./tested_cache.ts";

/** The same seed in every run, so that the figures come out the same. */
const SEED = [0x5eed_0001, 0x5eed_0002] as const;

/** An engine at its limit. */
export class EngineCache implements TestedCache {
  readonly name: PolicyName;
  readonly #engine: Engine;
  readonly #key = ByteRange.of(utf8("key:".padEnd(KEY_BYTES, "0")));
  readonly #value = ByteRange.of(new Uint8Array(VALUE_BYTES).fill(0x76));
  readonly #found = new ByteRange();
  readonly #missed = new Uint32Array(BATCH_REQUESTS);

  constructor(policy: PolicyName, maxMemoryBytes: number) {
    this.name = policy;
    this.#engine = new Engine({ maxMemoryBytes, policy, seed: SEED });
  }

  request(keys: Uint32Array): Promise<number> {
    let missed = 0;
    for (const key of keys) {
      writeKey(key, this.#key.bytes, 0);
      if (!this.#engine.get(this.#key, this.#found)) this.#missed[missed++] = key;
    }
    for (let i = 0; i < missed; i++) {
      writeKey(this.#missed[i]!, this.#key.bytes, 0);
      this.#engine.set(this.#key, this.#value, 0);
    }
    return Promise.resolve(keys.length - missed);
  }

  entries(): Promise<number> {
    return Promise.resolve(this.#engine.stats().entries);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
