/**
 * Letting the event loop look at what the others want.
 *
 * @module
 */

import { sha256 } from "../crypto/subtle.ts";

const NOTHING = new Uint8Array(0);

/**
 * Resolves when what other connections have sent was looked at, after some 20 µs; where many are busy it costs several
 * hundred of processor time, so it is for those only who send without end (turn.ts).
 *
 * The event loop asks the system for that when it has nothing else to do, and else only now and then: with
 * `setImmediate` every thirty rounds or so, which is a wait of 50 ms where a round takes two (Deno 2.9.6,
 * tests/faults/fairness.ts). A promise that is ready at once gives nobody a turn, and a timer of no time takes two
 * milliseconds. So another thread is given something to do, and until that is done there is nothing else.
 */
export async function nextTurn(): Promise<void> {
  await sha256(NOTHING);
}
