import { assertEquals } from "@std/assert";
import { MAX_THROTTLED_NETWORKS } from "../../lib/limits.ts";
import { Throttle } from "../../lib/security/throttle.ts";

const S = 1_000, MINUTE = 60 * S;

/** Tries as soon as it may, so many times; returns what it had to wait before each. */
function guess(throttle: Throttle, network: string, times: number, startMs = 0): number[] {
  let nowMs = startMs;
  return Array.from({ length: times }, () => {
    const waitMs = throttle.waitMs(network, nowMs);
    nowMs += waitMs;
    throttle.begin(network, nowMs);
    return waitMs;
  });
}

Deno.test("a Throttle lets ten tries a minute pass, then makes wait 1 s, 2 s, and so on up to 15 min", () => {
  const seconds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900];
  assertEquals(guess(new Throttle(), "a", 23), [...Array(10).fill(0), ...seconds.map((one) => one * S)]);
});

Deno.test("a Throttle begins anew after a minute with fewer, and after 15 quiet minutes with more", () => {
  const throttle = new Throttle();
  guess(throttle, "a", 9);
  assertEquals(guess(throttle, "a", 11, MINUTE), [...Array(10).fill(0), S]);
  // The wait of the eleventh, and 15 min less 1 ms.
  const waitingMs = MINUTE + S + 2 * S;
  assertEquals(guess(throttle, "a", 2, waitingMs + 15 * MINUTE - 1), [0, 4 * S]);
  assertEquals(guess(throttle, "a", 11, waitingMs + 40 * MINUTE), [...Array(10).fill(0), S]);
});

Deno.test("a Throttle lets nobody wait for another", () => {
  const throttle = new Throttle();
  guess(throttle, "a", 20);
  assertEquals(throttle.waitMs("a", 0) > 0, true);
  assertEquals(guess(throttle, "b", 10), Array(10).fill(0));
});

Deno.test("a try that is taken back has not been, and ends the wait of its network only", () => {
  const throttle = new Throttle();
  for (let i = 0; i < 30; i++) {
    throttle.begin("a", 0);
    throttle.takeBack("a");
  }
  assertEquals(throttle.waitMs("a", 0), 0);
  guess(throttle, "a", 10);
  guess(throttle, "b", 12);
  assertEquals(throttle.waitMs("a", 0), S);
  throttle.takeBack("a");
  assertEquals(throttle.waitMs("a", 0), 0);
  assertEquals(guess(throttle, "a", 2), [0, S]);
  assertEquals(throttle.waitMs("b", 3 * S), 4 * S);
  throttle.takeBack("nobody");
});

Deno.test("tries at once count from their beginning", () => {
  const throttle = new Throttle();
  let begun = 0;
  for (; throttle.waitMs("a", 0) === 0; begun++) throttle.begin("a", 0);
  assertEquals(begun, 10);
});

Deno.test("a network is forgotten when 10,000 others have tried since it last did, and not before", () => {
  const throttle = new Throttle();
  guess(throttle, "a", 15);
  const waitMs = throttle.waitMs("a", 0);
  for (let i = 1; i < MAX_THROTTLED_NETWORKS; i++) throttle.begin(`network ${i}`, 0);
  // To ask is to try: it counts from here again.
  assertEquals(throttle.waitMs("a", 0), waitMs);
  for (let i = 1; i < MAX_THROTTLED_NETWORKS; i++) throttle.begin(`other ${i}`, 0);
  assertEquals(throttle.networks, MAX_THROTTLED_NETWORKS);
  // The same ones again push nobody out.
  for (let i = 1; i < MAX_THROTTLED_NETWORKS; i++) throttle.begin(`other ${i}`, 0);
  throttle.takeBack("a");
  guess(throttle, "b", 15);
  for (let i = 1; i < MAX_THROTTLED_NETWORKS; i++) throttle.begin(`other ${i}`, 0);
  throttle.begin("the last one", 0);
  assertEquals(throttle.waitMs("b", 0), 0);
  assertEquals(guess(throttle, "b", 11), [...Array(10).fill(0), S], "ten tries, for ten thousand of others");
});

Deno.test("100,000 networks take the memory of 10,000", () => {
  const throttle = new Throttle();
  for (let i = 0; i < 100_000; i++) throttle.begin(`network ${i}`, i);
  assertEquals(throttle.networks, MAX_THROTTLED_NETWORKS);
});
