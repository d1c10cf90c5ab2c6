/**
 * How often the clients of one network may shake hands. A handshake costs the server a millisecond of its one core, and
 * who only wants to cost it that needs next to nothing for it.
 *
 * A fleet behind one address that comes back after a restart is let in at once; whoever goes on at more than a steady pace
 * is not. This machine is not counted, as with connection_limits.ts.
 *
 * @module
 */

import { LruMap } from "../crypto/lru_map.ts";
import { HANDSHAKE_BURST, HANDSHAKES_PER_SECOND, MAX_THROTTLED_NETWORKS } from "../limits.ts";
import { THIS_MACHINE } from "../security/peer_network.ts";

/** What a network has left, as of a moment: a token bucket. */
interface Bucket {
  left: number;
  atMs: number;
}

/** The pace of all networks; of the most recent ones, if there are too many. */
export class HandshakeRate {
  readonly #buckets = new LruMap<string, Bucket>(MAX_THROTTLED_NETWORKS);

  /** Counts a handshake, unless the network has had too many. */
  admits(network: string, nowMs: number): boolean {
    if (network === THIS_MACHINE) return true;
    let bucket = this.#buckets.get(network);
    if (bucket === undefined) this.#buckets.set(network, bucket = { left: HANDSHAKE_BURST, atMs: nowMs });
    const regained = (nowMs - bucket.atMs) * HANDSHAKES_PER_SECOND / 1_000;
    bucket.left = Math.min(HANDSHAKE_BURST, bucket.left + regained);
    bucket.atMs = nowMs;
    if (bucket.left < 1) return false;
    bucket.left--;
    return true;
  }
}
