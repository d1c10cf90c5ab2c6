/**
 * From a policy's name to the policy.
 *
 * @module
 */

import { LfuPolicy } from "./lfu.ts";
import { LruPolicy } from "./lru.ts";
import { NoPolicy } from "./none.ts";
import type { EvictionHost, EvictionPolicy, PolicyName } from "./policy.ts";
import { RandomPolicy } from "./random.ts";
import { S3FifoPolicy } from "./s3_fifo.ts";
import { SoonestExpiryPolicy } from "./soonest_expiry.ts";

const POLICIES: Record<PolicyName, new (host: EvictionHost) => EvictionPolicy> = {
  "s3-fifo": S3FifoPolicy,
  lru: LruPolicy,
  lfu: LfuPolicy,
  ttl: SoonestExpiryPolicy,
  random: RandomPolicy,
  none: NoPolicy,
};

/** Policies that keep links in the headers, which must be known before there is an entry. */
const POLICIES_WITH_LINKS: readonly PolicyName[] = ["lru", "lfu"];

/** Whether a policy's entries have two links more in their headers. */
export function keepsLinks(name: PolicyName): boolean {
  return POLICIES_WITH_LINKS.includes(name);
}

/** Makes the policy of a name. */
export function choosePolicy(name: PolicyName, host: EvictionHost): EvictionPolicy {
  return new POLICIES[name](host);
}
