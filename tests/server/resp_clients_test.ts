// What Redis' own clients and tools do with a server, on ours: every scenario passes on Redis 7.0 as it stands.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { serve } from "@cryptomem/server";
import { canListen, canReadEnv, canRunTool } from "../support/permissions.ts";

// Both clients read the environment as soon as they are loaded, so that happens only where it is allowed.
const canUseClients = canListen && canReadEnv;

/** A server that does not come back fails a test within seconds. */
const MAX_ATTEMPTS = 1_000;

/** An emitter of Node, as far as it matters here. */
interface Emitter {
  once(event: string, listener: (...args: unknown[]) => void): unknown;
}

/** When something next happens. */
function next(emitter: Emitter, event: string): Promise<unknown> {
  return new Promise((resolve) => emitter.once(event, resolve));
}

/** Collects what comes, and lets a test wait until so much is there. */
class Inbox<T> {
  readonly #items: T[] = [];
  #waiting: { count: number; resolve: (items: T[]) => void } | undefined;

  readonly put = (...items: T[]): void => {
    this.#items.push(...items);
    if (this.#waiting !== undefined && this.#items.length >= this.#waiting.count) this.#waiting.resolve(this.#items);
  };

  take(count: number): Promise<T[]> {
    if (this.#items.length >= count) return Promise.resolve(this.#items);
    return new Promise((resolve) => this.#waiting = { count, resolve });
  }
}

async function openRedis(port: number, RESP: 2 | 3) {
  const { createClient, WatchError } = await import("redis");
  const client = createClient({
    socket: { port, host: "127.0.0.1", reconnectStrategy: (attempts) => attempts < MAX_ATTEMPTS && 5 },
    RESP,
  });
  client.on("error", () => {}); // A connection that ends is what the reconnecting test is about.
  await client.connect();
  return { client, WatchError };
}

async function openIoredis(port: number) {
  const { Redis } = await import("ioredis");
  const client = new Redis(port, "127.0.0.1", { retryStrategy: (attempts) => attempts < MAX_ATTEMPTS ? 5 : null });
  client.on("error", () => {});
  await next(client, "ready");
  return client;
}

/** Ends a client of ioredis, to its last timer. */
async function quit(client: Emitter & { status: string; quit(): Promise<unknown> }): Promise<void> {
  if (client.status !== "end") await Promise.all([next(client, "end"), client.quit()]);
}

for (const version of [2, 3] as const) {
  Deno.test(`npm:redis over RESP${version}`, { ignore: !canUseClients }, async (t) => {
    await using server = serve({ port: 0 });
    const { client, WatchError } = await openRedis(server.address.port, version);

    await t.step("strings", async () => {
      assertEquals(await client.set("k", "v"), "OK");
      assertEquals(await client.get("k"), "v");
      assertEquals(await client.get("missing"), null);
      assertEquals(await client.set("k", "w", { condition: "NX" }), null);
      assertEquals(await client.set("k", "w", { condition: "XX", GET: true }), "v");
      assertEquals(await client.getSet("k", "x"), "w");
      assertEquals(await client.setNX("k", "y"), 0);
      assertEquals(await client.mSet({ a: "1", b: "2", "ключ": "значение" }), "OK");
      assertEquals(await client.mGet(["a", "missing", "ключ"]), ["1", null, "значение"]);
      assertEquals<unknown>(await client.mSetNX({ a: "3", c: "4" }), 0);
      assertEquals(await client.append("k", "yz"), 3);
      assertEquals(await client.strLen("k"), 3);
      assertEquals(await client.getRange("k", 1, -1), "yz");
      assertEquals(await client.setRange("k", 1, "!!"), 3);
      assertEquals(await client.getDel("k"), "x!!");
      assertEquals(await client.exists(["k", "a"]), 1);
      const large = "x".repeat(300_000);
      await client.set("", large);
      assertEquals(await client.get(""), large);
    });

    await t.step("expiry", async () => {
      assertEquals(await client.setEx("e", 100, "v"), "OK");
      assertEquals(await client.ttl("e"), 100);
      assertEquals(await client.persist("e"), 1);
      assertEquals(await client.ttl("e"), -1);
      assertEquals(await client.ttl("missing"), -2);
      assertEquals(await client.expire("e", 50, "XX"), 0);
      assertEquals(await client.pExpire("e", 50_000), 1);
      const left = await client.pTTL("e");
      assert(left > 40_000 && left <= 50_000);
      assertEquals(await client.expireAt("e", 4_000_000_000), 1);
      assertEquals(await client.expireTime("e"), 4_000_000_000);
      assertEquals(await client.getEx("e", { type: "PERSIST" }), "v");
      assertEquals(await client.pTTL("e"), -1);
      assertEquals(await client.expire("e", -1), 1);
      assertEquals(await client.get("e"), null);
    });

    await t.step("counters", async () => {
      assertEquals(await client.incr("n"), 1);
      assertEquals(await client.incrBy("n", 41), 42);
      assertEquals(await client.decr("n"), 41);
      assertEquals(await client.decrBy("n", 50), -9);
      assertEquals(await client.incrByFloat("n", 0.5), "-8.5");
      await client.set("word", "abc");
      await assertRejects(() => client.incr("word"), Error, "ERR value is not an integer or out of range");
    });

    await t.step("keys and scans", async () => {
      assertEquals(await client.flushDb(), "OK");
      const names = Array.from({ length: 300 }, (_, i) => `item:${i}`);
      await client.mSet(names.flatMap((name) => [name, "v"]));
      await client.set("other", "v");
      assertEquals(await client.dbSize(), 301);
      const seen = new Set<string>();
      for await (const keys of client.scanIterator({ MATCH: "item:*", COUNT: 50 })) {
        for (const key of keys) seen.add(key);
      }
      assertEquals([...seen].sort(), names.toSorted());
      assertEquals(await client.keys("oth?r"), ["other"]);
      assertEquals(await client.type("other"), "string");
      assertEquals(await client.type("missing"), "none");
      assertEquals(await client.rename("other", "another"), "OK");
      assertEquals(await client.copy("another", "copy"), 1);
      assertEquals(await client.touch(["another", "copy", "missing"]), 2);
      assertEquals(await client.unlink(["another", "copy"]), 2);
      assertMatch(`${await client.randomKey()}`, /^item:\d+$/);
      assertEquals(await client.del(names), 300);
      await assertRejects(() => client.rename("missing", "x"), Error, "ERR no such key");
    });

    await t.step("transactions", async () => {
      assertEquals<unknown>(await client.multi().set("t", "1").incr("t").get("t").exec(), ["OK", 2, "2"]);
      const other = await client.duplicate().connect();
      await client.watch("t");
      await other.set("t", "changed");
      await assertRejects(() => client.multi().set("t", "lost").exec(), WatchError);
      assertEquals(await client.get("t"), "changed");
      await client.watch("t");
      assertEquals<unknown>(await client.multi().set("t", "won").exec(), ["OK"]);
      await other.close();
    });

    await t.step("publish and subscribe", async () => {
      const subscriber = await client.duplicate().connect();
      const inbox = new Inbox<string>();
      await subscriber.subscribe(["news", "more"], (message, channel) => inbox.put(`${channel} ${message}`));
      await subscriber.pSubscribe("n*", (message, channel) => inbox.put(`n* ${channel} ${message}`));
      assertEquals(await client.publish("news", "one"), 2);
      assertEquals(await client.publish("more", "two"), 1);
      assertEquals(await client.publish("nobody", "three"), 1);
      assertEquals(await inbox.take(4), ["news one", "n* news one", "more two", "n* nobody three"]);
      assertEquals((await client.pubSubChannels()).toSorted(), ["more", "news"]);
      assertEquals(await client.pubSubNumPat(), 1);
      await subscriber.unsubscribe("news");
      await subscriber.pUnsubscribe();
      assertEquals(await client.publish("news", "lost"), 0);
      assertEquals(await client.publish("more", "last"), 1);
      assertEquals((await inbox.take(5)).at(-1), "more last");
      await subscriber.unsubscribe();
      // Over RESP2 the client gives bytes here.
      assertEquals(`${await subscriber.ping()}`, "PONG");
      await subscriber.close();
    });

    await t.step("a pipeline", async () => {
      const numbers = Array.from({ length: 2_000 }, (_, i) => i);
      await Promise.all(numbers.map((i) => client.set(`p:${i}`, `${i}`)));
      assertEquals(await Promise.all(numbers.map((i) => client.get(`p:${i}`))), numbers.map(String));
      const mixed = await Promise.allSettled([client.get("p:1"), client.incr("word:x"), client.rename("no", "x")]);
      assertEquals(mixed.map(({ status }) => status), ["fulfilled", "fulfilled", "rejected"]);
    });

    await t.step("connection and server", async () => {
      assertEquals(await client.ping(), "PONG");
      assertEquals(await client.ping("hello"), "hello");
      assertEquals(await client.echo("hello"), "hello");
      assert(await client.clientId() > 0);
      await client.clientSetName("tester");
      assertEquals(await client.clientGetName(), "tester");
      assertMatch(await client.info(), /redis_version:7\.0/);
      assert((await client.configGet("maxmemory")).maxmemory !== undefined);
      assert(await client.commandCount() > 50);
      assertEquals((await client.commandInfo(["get"]))[0]?.arity, 2);
      assertEquals<unknown>(await client.sendCommand(["OBJECT", "ENCODING", "p:1"]), "int");
      assert(await client.memoryUsage("p:1") as number > 0);
      await assertRejects(() => client.sendCommand(["NOSUCH", "v"]), Error, "ERR unknown command 'NOSUCH'");
      await assertRejects(() => client.sendCommand(["GET"]), Error, "ERR wrong number of arguments for 'get' command");
    });

    await client.close();
  });
}

Deno.test("npm:ioredis", { ignore: !canUseClients }, async (t) => {
  await using server = serve({ port: 0 });
  const client = await openIoredis(server.address.port);

  await t.step("strings, expiry and counters", async () => {
    assertEquals(await client.set("k", "v", "EX", 100, "NX"), "OK");
    assertEquals(await client.set("k", "w", "NX"), null);
    assertEquals(await client.get("k"), "v");
    assertEquals(await client.ttl("k"), 100);
    const binary = Uint8Array.from({ length: 256 }, (_, i) => i);
    const { Buffer } = await import("node:buffer");
    await client.set("binary", Buffer.from(binary));
    assertEquals(new Uint8Array((await client.getBuffer("binary"))!), binary);
    assertEquals(await client.mset("a", 1, "b", 2), "OK");
    assertEquals(await client.mget("a", "b", "missing"), ["1", "2", null]);
    assertEquals(await client.incrby("a", 9), 10);
    assertEquals(await client.incrbyfloat("a", "0.25"), "10.25");
    assertEquals(await client.setrange("gap", 3, "x"), 4);
    assertEquals(await client.getrange("gap", 0, -1), "\0\0\0x");
    assertEquals(await client.pexpire("a", 60_000), 1);
    assertEquals(await client.persist("a"), 1);
    await assertRejects(() => client.incr("k"), Error, "ERR value is not an integer or out of range");
  });

  await t.step("scans", async () => {
    const names = Array.from({ length: 200 }, (_, i) => `item:${i}`);
    await client.mset(names.flatMap((name) => [name, "v"]));
    const seen = new Set<string>();
    for await (const keys of client.scanStream({ match: "item:*", count: 20 })) for (const key of keys) seen.add(key);
    assertEquals([...seen].sort(), names.toSorted());
    assertEquals(await client.del(...names), 200);
  });

  await t.step("pipelines and transactions", async () => {
    assertEquals(await client.pipeline().set("p", "1").incr("p").get("p").exec(), [[null, "OK"], [null, 2], [
      null,
      "2",
    ]]);
    const [, failed, after] = await client.pipeline().set("p", "x").incr("p").get("p").exec() ?? [];
    assertMatch(String(failed?.[0]), /ERR value is not an integer/);
    assertEquals(after, [null, "x"]);
    assertEquals(await client.multi().set("t", "1").incr("t").exec(), [[null, "OK"], [null, 2]]);
    const results = await client.multi().set("t", "x").incr("t").set("t", "y").exec() ?? [];
    assertEquals(results.map(([error]) => error === null), [true, false, true]);
    assertEquals(await client.get("t"), "y");
    await assertRejects(() => client.multi().set("t", "z").call("NOSUCH", "x").exec(), Error, "EXECABORT");
    assertEquals(await client.get("t"), "y");
    const other = client.duplicate();
    await client.watch("t");
    await other.set("t", "changed");
    assertEquals(await client.multi().set("t", "lost").exec(), null);
    await client.multi({ pipeline: false });
    await client.set("t", "never");
    assertEquals(await client.discard(), "OK");
    assertEquals(await client.get("t"), "changed");
    await quit(other);
  });

  await t.step("publish and subscribe", async () => {
    const subscriber = client.duplicate(), inbox = new Inbox<string>();
    subscriber.on("message", (channel: string, message: string) => inbox.put(`${channel} ${message}`));
    subscriber.on("pmessage", (...words: string[]) => inbox.put(words.join(" ")));
    assertEquals(await subscriber.subscribe("news", "more"), 2);
    assertEquals(await subscriber.psubscribe("n*"), 3);
    assertEquals(await client.publish("news", "one"), 2);
    assertEquals(await inbox.take(2), ["news one", "n* news one"]);
    assertEquals(await subscriber.unsubscribe("news", "more"), 1);
    assertEquals(await subscriber.punsubscribe(), 0);
    assertEquals(await client.publish("news", "lost"), 0);
    assertEquals(await subscriber.ping(), "PONG");
    await quit(subscriber);
  });

  await quit(client);
});

Deno.test("clients connect again when the server is restarted", { ignore: !canUseClients }, async () => {
  const first = serve({ port: 0 });
  const { port } = first.address;
  const { client: redis } = await openRedis(port, 3);
  const ioredis = await openIoredis(port);
  await redis.set("k", "v");
  assertEquals(await ioredis.get("k"), "v");

  const ready = [next(redis, "ready"), next(ioredis, "ready")];
  await first.shutdown();
  await using _second = serve({ port });
  await Promise.all(ready);
  assertEquals(await redis.get("k"), null);
  assertEquals(await redis.set("k", "w"), "OK");
  assertEquals(await ioredis.get("k"), "w");

  await redis.close();
  await quit(ioredis);
});

async function run(
  tool: string,
  args: string[],
  input = "",
): Promise<{ output: string; errors: string; code: number }> {
  const child = new Deno.Command(tool, { args, stdin: "piped", stdout: "piped", stderr: "piped" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { stdout, stderr, code } = await child.output();
  return { output: new TextDecoder().decode(stdout), errors: new TextDecoder().decode(stderr), code };
}

Deno.test("redis-cli", { ignore: !canListen || !await canRunTool("redis-cli") }, async () => {
  await using server = serve({ port: 0 });
  const commands = [
    'set greeting "hello \\x41"',
    "get greeting",
    "get missing",
    "incr n",
    "mget greeting n missing",
    "foo bar",
    "multi",
    "incr n",
    "exec",
  ];
  const expected = [
    "OK",
    '"hello A"',
    "(nil)",
    "(integer) 1",
    '1) "hello A"\n2) "1"\n3) (nil)',
    "(error) ERR unknown command 'foo', with args beginning with: 'bar' ",
    "OK",
    "QUEUED",
    "1) (integer) 2",
  ];
  for (const version of ["-2", "-3"]) {
    const args = ["--no-raw", version, "-p", `${server.address.port}`];
    const { output, code } = await run("redis-cli", args, `${commands.join("\n")}\ndel n\n`);
    assertEquals(
      output.trimEnd().split("\n").filter((line) => line !== "").join("\n"),
      [...expected, "(integer) 1"].join("\n"),
    );
    assertEquals(code, 0);
  }
});

Deno.test("redis-benchmark", { ignore: !canListen || !await canRunTool("redis-benchmark") }, async () => {
  // PING_INLINE begins with a bare line, which means the line dialect where all dialects are spoken (PROTOCOL.md):
  // that one test needs a port of RESP's own.
  await using server = serve({ port: 0, listen: [{ port: 0, dialect: "resp" }] });
  for (
    const { port, pings, names } of [
      { port: server.address.port, pings: "ping_mbulk", names: ["PING_MBULK"] },
      { port: server.addresses[0]!.port, pings: "ping", names: ["PING_INLINE", "PING_MBULK"] },
    ]
  ) {
    const args = ["-p", `${port}`, "-t", `${pings},set,get,incr,mset`, "-n", "2000", "-q", "-P", "8"];
    const { output, errors, code } = await run("redis-benchmark", args);
    assertEquals({ code, errors }, { code: 0, errors: "" });
    for (const name of [...names, "SET", "GET", "INCR", "MSET"]) {
      assertMatch(output, new RegExp(`${name}.*: [0-9.]+ requests per second`));
    }
  }
});
