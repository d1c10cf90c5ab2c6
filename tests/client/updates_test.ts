/**
 * Changes that depend on what is there, over real TCP and with real contention: none is lost, none is made twice.
 *
 * @module
 */

import { assert, assertEquals, assertLessOrEqual, assertRejects } from "@std/assert";
import { Client, type ClientOptions, CryptomemError, type ErrorCode } from "../../client.ts";
import { serve } from "../../server.ts";
import { Engine } from "../../lib/storage/engine.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { LyingStore } from "../support/lying_store.ts";
import { canListen } from "../support/permissions.ts";

const ignore = !canListen;
const KEY = new Uint8Array(32).map((_, i) => 11 * i + 3);

/** A server, and clients of it that are closed with it. */
async function served(run: (client: (options?: ClientOptions) => Client) => Promise<void>, store = new Engine()) {
  await using server = serve({ port: 0, store });
  await using opened = new AsyncDisposableStack();
  await run((options = {}) => opened.use(new Client(`127.0.0.1:${server.address.port}`, { key: KEY, ...options })));
}

function specify(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore, fn });
}

async function assertCode(code: ErrorCode, call: () => Promise<unknown>): Promise<CryptomemError> {
  const error = await assertRejects(call, CryptomemError);
  assertEquals(error.code, code);
  return error;
}

specify("increment is exact under 100 clients that increment at once", () =>
  served(async (client) => {
    const clients = Array.from({ length: 100 }, () => client({ timeout: "30s" }));
    const sums = await Promise.all(clients.flatMap((each) => [each.increment("hits"), each.increment("hits", 2)]));
    assertEquals(await client().get("hits"), 300);
    // Each sum was there at one moment, so no two are equal.
    assertEquals(new Set(sums).size, 200);
  }));

specify("increment of one client many times at once does not fight with itself", () =>
  served(async (client) => {
    const one = client();
    const sums = await Promise.all(Array.from({ length: 500 }, () => one.increment("hits")));
    assertEquals(sums, Array.from({ length: 500 }, (_, i) => i + 1));
  }));

specify("increment starts at 0, goes below it, and refuses what is no whole number", () =>
  served(async (client) => {
    const one = client();
    assertEquals([await one.increment("n"), await one.decrement("n", 5), await one.increment("n", -6)], [1, -4, -10]);
    for (const value of ["7", 1.5, { n: 1 }, new Uint8Array([1])]) {
      await one.set("other", value);
      await assertCode("NOT_INTEGER", () => one.increment("other"));
      assertEquals(await one.get("other"), value);
    }
    await one.set("n", Number.MAX_SAFE_INTEGER);
    await assertCode("OVERFLOW", () => one.increment("n"));
    assertEquals(await one.get("n"), Number.MAX_SAFE_INTEGER);
    await assertRejects(() => one.increment("n", 0.5), RangeError, "safe integer");
    await assertRejects(() => one.increment("n", "1" as unknown as number), TypeError);
  }));

specify(
  "increment, append and update keep the time that an entry has left, and a ttl is for what they create",
  () =>
    served(async (client) => {
      const one = client();
      await one.set("n", 1, { ttl: "1h" });
      await one.increment("n", 1, { ttl: "1m" });
      const left = (await one.ttl("n"))!;
      assert(left > 3_590_000 && left <= 3_600_000, `${left} ms`);
      await one.increment("fresh", 1, { ttl: "1m" });
      assertLessOrEqual((await one.ttl("fresh"))!, 60_000);
      await one.append("text", "a", { ttl: "1m" });
      await one.append("text", "b");
      assertLessOrEqual((await one.ttl("text"))!, 60_000);
      await one.update("text", (text) => `${text}c`);
      assertLessOrEqual((await one.ttl("text"))!, 60_000);
      await one.update("text", (text) => `${text}d`, { ttl: "2h" });
      assert((await one.ttl("text"))! > 3_600_000);
      assertEquals(await one.get("text"), "abcd");
      await one.set("eternal", 1);
      await one.increment("eternal");
      assertEquals(await one.ttl("eternal"), null);
    }),
);

specify("append joins text to text and bytes to bytes, and refuses to mix", () =>
  served(async (client) => {
    const one = client();
    await Promise.all(["a", "b", "c"].map((letter) => one.append("text", letter)));
    assertEquals(await one.get("text"), "abc");
    await one.append("bytes", Uint8Array.of(1));
    await one.append("bytes", Uint8Array.of(2, 3));
    assertEquals(await one.get("bytes"), Uint8Array.of(1, 2, 3));
    await assertRejects(() => one.append("text", Uint8Array.of(1)), TypeError);
    await assertRejects(() => one.append("bytes", "x"), TypeError);
    await one.set("object", {});
    await assertRejects(() => one.append("object", "x"), TypeError);
    assertEquals(await one.get("text"), "abc");
  }));

specify("update of several clients at once loses no change", () =>
  served(async (client) => {
    const clients = Array.from({ length: 20 }, () => client({ timeout: "30s" }));
    await Promise.all(
      clients.map((each, i) => each.update<number[]>("list", (list = []) => [...list, i])),
    );
    const list = await client().get<number[]>("list");
    assertEquals(list!.toSorted((a, b) => a - b), Array.from({ length: 20 }, (_, i) => i));
  }));

specify("update leaves everything as it is if the function wants that, or fails", () =>
  served(async (client) => {
    const one = client();
    await one.set("k", "before");
    assertEquals(await one.update("k", () => undefined), undefined);
    await assertRejects(
      () =>
        one.update("k", () => {
          throw new SyntaxError("of the program");
        }),
      SyntaxError,
      "of the program",
    );
    assertEquals(await one.get("k"), "before");
    assertEquals(await one.update("missing", () => undefined), undefined);
    assertEquals(await one.exists("missing"), false);
  }));

specify("update gives up with CONFLICT, and says after how many attempts, if others are always faster", async () => {
  const clock = new FakeClock();
  const store = new (class extends Engine {
    override compareAndSet(...[key, , value, ttlMs]: Parameters<Engine["compareAndSet"]>): number {
      // As if somebody had changed it in between, each time.
      return super.compareAndSet(key, 12345, value, ttlMs);
    }
  })();
  await served(async (client) => {
    const one = client({ clock, timeout: 1_000 });
    await one.set("k", 1);
    let calls = 0;
    const update = one.update<number>("k", (n = 0) => {
      calls++;
      clock.advance(300);
      return n + 1;
    });
    const ended = update.then(() => undefined, (error) => error);
    // Time passes for the pauses between attempts, which no other timer waits for.
    const error = await turnUntil(ended, clock);
    assertEquals((error as CryptomemError).code, "CONFLICT");
    assert((error as CryptomemError).message.includes(`${calls} attempts`));
    assertEquals(await one.get("k"), 1);
  }, store);
});

/** Lets the clock run on in small steps until something has ended. */
async function turnUntil<T>(ended: Promise<T>, clock: FakeClock): Promise<T> {
  let isOver = false;
  ended.finally(() => isOver = true);
  while (!isOver) {
    clock.advance(1);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return await ended;
}

specify(
  "rename moves value and time left, replaces what is there, and ends the old entry",
  () =>
    served(async (client) => {
      const one = client();
      await one.set("from", { n: 1 }, { ttl: "1h" });
      await one.set("to", "replaced");
      assertEquals(await one.rename("from", "to"), true);
      assertEquals(await one.get("to"), { n: 1 });
      assertEquals(await one.get("from"), undefined);
      assert((await one.ttl("to"))! > 3_590_000);
      assertEquals(await one.rename("from", "to"), false);
      assertEquals(await one.get("to"), { n: 1 });
      assertEquals([await one.rename("to", "to"), await one.rename("nothing", "nothing")], [true, false]);
    }),
);

specify("rename never loses a value that somebody changes at the same time", () =>
  served(async (client) => {
    const mover = client(), writer = client();
    for (let round = 0; round < 50; round++) {
      await writer.set("from", "first");
      await Promise.all([mover.rename("from", "to"), writer.set("from", "second")]);
      // Whichever came first: the later value is at one of the two places.
      const values = [await writer.get("from"), await writer.get("to")];
      assert(values.includes("second"), `round ${round}: ${values}`);
      await writer.clear();
    }
  }));

specify(
  "monotonic clients that set and increment at once all see the last value, and none is refused",
  () =>
    served(async (client) => {
      const clients = Array.from({ length: 10 }, () => client({ monotonic: true, timeout: "30s" }));
      await Promise.all(
        clients.flatMap((each) => [each.increment("n"), each.set("k", 1), each.get("k"), each.get("n")]),
      );
      for (const each of clients) assertEquals([await each.get("n"), await each.get("k")], [10, 1]);
    }),
);

specify(
  "monotonic calls of one client on one key keep their order without being awaited",
  () =>
    served(async (client) => {
      const one = client({ monotonic: true });
      const calls = Array.from({ length: 20 }, (_, i) => [one.set("k", i), one.get("k")]).flat();
      assertEquals(await Promise.all(calls), Array.from({ length: 20 }, (_, i) => [undefined, i]).flat());
    }),
);

specify(
  "monotonic does not mistake a value written after a delete, or by a clock that is behind, for an older one",
  async () => {
    const ahead = new FakeClock(), behind = new FakeClock();
    ahead.advance(60_000);
    await served(async (client) => {
      const one = client({ monotonic: true, clock: ahead }), other = client({ monotonic: true, clock: behind });
      await one.set("k", "by one");
      assertEquals(await other.get("k"), "by one");
      await other.set("k", "by the other");
      assertEquals(await one.get("k"), "by the other");
      await one.delete("k");
      await one.set("k", "again");
      assertEquals([await one.get("k"), await other.get("k")], ["again", "again"]);
    });
  },
);

specify("a server that repeats old versions does not make an update store twice", async () => {
  const store = new LyingStore();
  await served(async (client) => {
    const one = client();
    await one.set("n", 1);
    await one.increment("n");
    const stored = store.history.length;
    store.lie = () => store.history[0]!.value;
    assertEquals(await one.increment("n"), 2);
    assertEquals(store.history.length, stored + 1);
  }, store);
});
