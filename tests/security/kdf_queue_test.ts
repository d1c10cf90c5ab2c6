import { assertEquals, assertRejects } from "@std/assert";
import { CryptomemError } from "../../lib/errors.ts";
import { KdfQueue, kdfsAtOnce } from "../../lib/security/kdf_queue.ts";

/** Tasks that end when they are told to, and how many ran at once. */
class Work {
  readonly queue: KdfQueue;
  readonly began: number[] = [];
  most = 0;
  #running = 0;
  readonly #ends = new Map<number, PromiseWithResolvers<number>>();

  constructor(atOnce = 2) {
    this.queue = new KdfQueue(atOnce);
  }

  run(id: number, network = "here"): Promise<number> {
    const end = Promise.withResolvers<number>();
    this.#ends.set(id, end);
    return this.queue.run(network, async () => {
      this.began.push(id);
      this.most = Math.max(this.most, ++this.#running);
      try {
        return await end.promise;
      } finally {
        this.#running--;
      }
    });
  }

  async end(id: number, error?: Error): Promise<void> {
    if (error === undefined) this.#ends.get(id)!.resolve(id);
    else this.#ends.get(id)!.reject(error);
    // Longer than the way from one task's end to the next one's beginning.
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }
}

Deno.test("a KdfQueue runs two tasks at once and lets 16 wait, in order; the next are BUSY", async () => {
  const work = new Work();
  const results = Array.from({ length: 18 }, (_, id) => work.run(id));
  for (let i = 0; i < 3; i++) {
    const { code } = await assertRejects(() => work.run(100), CryptomemError);
    assertEquals(code, "BUSY");
  }
  assertEquals(work.began, [0, 1]);
  await work.end(1);
  assertEquals(work.began, [0, 1, 2]);
  results.push(work.run(18));
  await assertRejects(() => work.run(101), CryptomemError);
  for (let id = 0; id < 19; id++) await work.end(id);
  assertEquals(await Promise.all(results), Array.from({ length: 19 }, (_, id) => id));
  assertEquals(work.began, Array.from({ length: 19 }, (_, id) => id));
  assertEquals(work.most, 2);
});

Deno.test("one core is left for whom everybody waits: one task at once on two cores, two on more, and one at least", () => {
  assertEquals([1, 2, 3, 4, 64].map(kdfsAtOnce), [1, 1, 2, 2, 2]);
});

Deno.test("a KdfQueue for one at once lets 16 wait as well", async () => {
  const work = new Work(1);
  const results = Array.from({ length: 17 }, (_, id) => work.run(id));
  assertEquals((await assertRejects(() => work.run(100), CryptomemError)).code, "BUSY");
  for (let id = 0; id < 17; id++) {
    assertEquals(work.began.length, id + 1);
    await work.end(id);
  }
  await Promise.all(results);
  assertEquals(work.most, 1);
});

Deno.test("a task that fails gives its place to the next, and the queue is empty in the end", async () => {
  const work = new Work();
  const failing = [0, 1].map((id) => assertRejects(() => work.run(id), Error, "no memory"));
  const waiting = work.run(2);
  await work.end(0, new Error("no memory"));
  await work.end(1, new Error("no memory"));
  await Promise.all(failing);
  await work.end(2);
  assertEquals(await waiting, 2);
  const again = [3, 4].map((id) => work.run(id));
  await work.end(3);
  await work.end(4);
  assertEquals(await Promise.all(again), [3, 4]);
});

Deno.test("networks take turns: who comes behind a burst of another waits for one of it", async () => {
  const work = new Work(1);
  const results = [0, 1, 2, 3, 4].map((id) => work.run(id, "a"));
  results.push(work.run(10, "b"), work.run(11, "b"), work.run(20, "c"));
  const order = [0, 1, 10, 20, 2, 11, 3, 4];
  for (const [i, id] of order.entries()) {
    assertEquals(work.began, order.slice(0, i + 1));
    await work.end(id);
  }
  await Promise.all(results);
});

Deno.test("where the queue is full, the last of the longest line gives way to who has fewer in it", async () => {
  const work = new Work(1);
  const running = work.run(0, "a");
  const burst = Array.from({ length: 16 }, (_, i) => work.run(i + 1, "a"));
  const sentAway = burst.slice(-2).map((one) => assertRejects(() => one, CryptomemError));
  const others = [work.run(100, "b"), work.run(101, "c")];
  assertEquals((await Promise.all(sentAway)).map(({ code }) => code), ["BUSY", "BUSY"]);
  // Nobody gives way to who has as many.
  assertEquals((await assertRejects(() => work.run(17, "a"), CryptomemError)).code, "BUSY");
  for (const id of [0, 1, 100, 101, ...Array.from({ length: 13 }, (_, i) => i + 2)]) await work.end(id);
  await Promise.all([running, ...burst.slice(0, -2), ...others]);
  assertEquals(work.began.slice(0, 5), [0, 1, 100, 101, 2]);
});
