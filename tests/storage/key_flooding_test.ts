/**
 * Keys that somebody has chosen so that they meet in one bucket (Crosby and Wallach, "Denial of service via algorithmic
 * complexity attacks", 2003). Who does not know the seed of the hash can only choose them for another.
 */

import { assert, assertEquals } from "@std/assert";
import { ByteRange } from "../../lib/bytes.ts";
import { Engine, type EngineOptions } from "../../lib/storage/engine.ts";
import { hashBytes, randomSeed } from "../../lib/storage/key_hash.ts";
import { Random } from "../support/random.ts";

const COUNT = 100_000;
const KEY_BYTES = 8;
/**
 * An index of 100,000 keys has 2^14 buckets. Keys that agree in 6 of these 14 bits are in 256 of them, 40 buckets' worth
 * in each, and are cheap to find: one of 64 tries.
 */
const LOW_BITS = 6;
const UNSEEDED = [0, 0] as const;

/** Keys whose unseeded hashes end in so many zeros, found by counting up. */
function collidingKeys(): Uint8Array[] {
  const keys: Uint8Array[] = [];
  const key = new Uint8Array(KEY_BYTES), view = new DataView(key.buffer);
  for (let n = 0; keys.length < COUNT; n++) {
    view.setUint32(0, n);
    const hash = hashBytes(key, 0, KEY_BYTES, UNSEEDED[0], UNSEEDED[1]);
    if ((hash & (1 << LOW_BITS) - 1) === 0) keys.push(key.slice());
  }
  return keys;
}

function longestProbe(keys: readonly Uint8Array[], options: EngineOptions): number {
  const engine = new Engine(options);
  const value = new ByteRange();
  for (const key of keys) engine.set(ByteRange.of(key), value, 0);
  assertEquals(engine.stats().entries, COUNT);
  return engine.stats().longestProbe;
}

const colliding = collidingKeys();

Deno.test("100,000 keys that collide under the unseeded hash cost at most twice what random ones do", () => {
  const random = new Random();
  const harmless = Array.from({ length: COUNT }, () => random.bytes(KEY_BYTES));
  const attacked = longestProbe(colliding, { seed: UNSEEDED });
  const seeded = longestProbe(colliding, {}), usual = longestProbe(harmless, {});
  assert(attacked >= 30, `${attacked} buckets: the keys do collide where the seed is known`);
  assert(seeded <= 2 * usual, `seed ${random.seed}: ${seeded} buckets, for random keys ${usual}`);
});

Deno.test("a seed that is not used does not tell: keys made for one seed are spread by another", () => {
  for (let i = 0; i < 5; i++) {
    const [seed0, seed1] = randomSeed();
    const counts = new Array<number>(1 << LOW_BITS).fill(0);
    for (const key of colliding.slice(0, 6_400)) {
      counts[hashBytes(key, 0, KEY_BYTES, seed0, seed1) & (1 << LOW_BITS) - 1]!++;
    }
    // 100 expected in each; six standard deviations are 60.
    for (const count of counts) assert(Math.abs(count - 100) < 60, `${count} of 6,400 in one of 64 buckets`);
  }
});
