/**
 * Slows down who guesses: ten wrong passwords or tokens a minute from one network (peer_network.ts) cost nothing, after
 * which it waits 1 s, then 2 s, and so on up to 15 min, until it has been quiet for as long. Nobody else waits with it.
 *
 * A try counts as wrong from its beginning, so that many at once are no way around; who was right takes it back.
 *
 * The memory is bounded, so a network is forgotten when so many others have tried since it did. That is no way around
 * either: it takes a wrong try from each of {@linkcode MAX_THROTTLED_NETWORKS} others to give one of them ten more. Whoever
 * has that many networks is slowed down by kdf_queue.ts alone.
 *
 * @module
 */

import { LruMap } from "../crypto/lru_map.ts";
import {
  FIRST_THROTTLE_MS,
  MAX_THROTTLE_MS,
  MAX_THROTTLED_NETWORKS,
  MAX_WRONG_SECRETS_PER_WINDOW,
  THROTTLE_WINDOW_MS,
} from "../limits.ts";

/** What is remembered of one network. Times are monotonic. */
interface Tries {
  wrong: number;
  /** When the first of them was. */
  sinceMs: number;
  /** No further try before. */
  untilMs: number;
}

/** The tries of all networks; of the most recent ones, if there are too many. */
export class Throttle {
  readonly #tries = new LruMap<string, Tries>(MAX_THROTTLED_NETWORKS);

  /** Of how many networks tries are remembered. */
  get networks(): number {
    return this.#tries.size;
  }

  /** How long a network has to wait, 0 = not at all. */
  waitMs(network: string, nowMs: number): number {
    return Math.max(0, (this.#tries.get(network)?.untilMs ?? 0) - nowMs);
  }

  /** Counts a try. Called only where nothing has to be waited for. */
  begin(network: string, nowMs: number): void {
    let tries = this.#tries.get(network);
    if (tries === undefined || isForgotten(tries, nowMs)) {
      this.#tries.set(network, tries = { wrong: 0, sinceMs: nowMs, untilMs: 0 });
    }
    const excess = ++tries.wrong - MAX_WRONG_SECRETS_PER_WINDOW;
    if (excess >= 0) tries.untilMs = nowMs + Math.min(FIRST_THROTTLE_MS * 2 ** excess, MAX_THROTTLE_MS);
  }

  /** The try was not wrong, or has not been made. */
  takeBack(network: string): void {
    const tries = this.#tries.get(network);
    if (tries === undefined || tries.wrong === 0) return;
    tries.wrong--;
    tries.untilMs = 0;
  }
}

function isForgotten({ wrong, sinceMs, untilMs }: Tries, nowMs: number): boolean {
  return wrong < MAX_WRONG_SECRETS_PER_WINDOW
    ? nowMs >= sinceMs + THROTTLE_WINDOW_MS
    : nowMs >= untilMs + MAX_THROTTLE_MS;
}
