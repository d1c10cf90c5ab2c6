/**
 * Eviction policies under the names that Redis' tools know.
 *
 * @module
 */

const REDIS_NAMES: Readonly<Record<string, string>> = {
  none: "noeviction",
  lru: "allkeys-lru",
  lfu: "allkeys-lfu",
  random: "allkeys-random",
  ttl: "volatile-ttl",
};

/** Redis' name of a policy where it has the same, else its own; without a limit nothing is ever evicted. */
export function redisPolicy(policy: string, maxMemoryBytes: number): string {
  return maxMemoryBytes === Infinity ? "noeviction" : REDIS_NAMES[policy] ?? policy;
}
