import { assertEquals, assertRejects } from "@std/assert";
import { CryptomemError } from "../../lib/errors.ts";
import { KdfQueue } from "../../lib/security/kdf_queue.ts";

/** Tasks that end when they are told to, and how many ran at once. */
class Work {
  readonly queue = new KdfQueue();
  readonly began: number[] = [];
  most = 0;
  #running = 0;
  readonly #ends = new Map<number, PromiseWithResolvers<number>>();

  run(id: number): Promise<number> {
    const end = Promise.withResolvers<number>();
    this.#ends.set(id, end);
    return this.queue.run(async () => {
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
