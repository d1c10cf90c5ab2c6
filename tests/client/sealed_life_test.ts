/**
 * What is sealed beside a value so that the server cannot give it out later, or give out an older one instead: its end
 * (`bindExpiry`), and how new it is (`monotonic`).
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { CryptomemError } from "../../client.ts";
import { HighWater } from "../../lib/client/high_water.ts";
import { MAX_HIGH_WATER_MARKS } from "../../lib/limits.ts";
import type { FakeClock } from "../support/fake_clock.ts";
import { CONFLICT, GET, OK, reply } from "./frames.ts";
import { CAS, GETV, i64, MemoryServer, TTL } from "./memory_server.ts";
import { settle } from "./memory_transport.ts";

const SKEW_MS = 30_000;

// The end

Deno.test("Client with bindExpiry stores nothing without a ttl, whichever call is to store it", async () => {
  const server = new MemoryServer();
  await using client = server.client({ bindExpiry: true });
  const calls = [
    () => client.set("k", 1),
    () => client.add("k", 1),
    () => client.replace("k", 1),
    () => client.increment("k"),
    () => client.append("k", "a"),
    () => client.update("k", () => 1),
  ];
  for (const call of calls) await assertRejects(call, TypeError, "bindExpiry");
  assertEquals(server.entries.size, 0);
});

Deno.test("Client seals the end of one value in, or leaves it out, whatever it does for the others", async () => {
  const server = new MemoryServer(), clock = server.clock as FakeClock;
  await using bound = server.client({ bindExpiry: true });
  await using free = server.client();
  await bound.set("free", 1, { bindExpiry: false });
  await free.set("bound", 1, { ttl: "1m", bindExpiry: true });
  await assertRejects(() => free.set("k", 1, { bindExpiry: true }), TypeError, "bindExpiry");
  await free.touch("bound", null);
  clock.advance(60_000 + SKEW_MS + 1);
  assertEquals([(await free.open("free")).status, (await free.open("bound")).status], ["found", "expired"]);
});

Deno.test("Client does not let the server move the end of a value by a change", async () => {
  const server = new MemoryServer(), clock = server.clock as FakeClock;
  await using client = server.client({ bindExpiry: true });
  await client.set("k", 1, { ttl: "1m" });
  // Ten years, says the server, also with no expiry at all.
  for (const ttlNanoseconds of [315_360_000_000_000_000n, -1n]) {
    server.intercept = ({ opcode }) => opcode === TTL ? reply(OK, i64(ttlNanoseconds)) : undefined;
    await client.increment("k");
  }
  clock.advance(60_000 + SKEW_MS);
  assertEquals(await client.get("k"), 3);
  clock.advance(1);
  assertEquals((await client.open("k")).status, "expired");
});

Deno.test("Client gives a changed value a new end with a new ttl", async () => {
  const server = new MemoryServer(), clock = server.clock as FakeClock;
  await using client = server.client({ bindExpiry: true });
  await client.set("k", 1, { ttl: "1m" });
  await client.update<number>("k", (n = 0) => n + 1, { ttl: "1h" });
  clock.advance(3_600_000 - 1);
  assertEquals(await client.get("k"), 2);
});

Deno.test("Client keeps the time that a changed value has left, less what the change took", async () => {
  const server = new MemoryServer(), clock = server.clock as FakeClock;
  await using client = server.client();
  await client.set("k", 1, { ttl: 10_000 });
  clock.advance(1_000);
  await client.update<number>("k", (n = 0) => {
    clock.advance(2_500);
    return n + 1;
  });
  assertEquals(await client.ttl("k"), 6_500);
  await client.set("eternal", 1);
  await client.increment("eternal");
  assertEquals(await client.ttl("eternal"), null);
  // Nothing is left, but the entry was still there: it gets what is least.
  await client.update<number>("k", (n = 0) => {
    clock.advance(6_499);
    return n + 1;
  });
  assertEquals(await client.ttl("k"), 1);
});

// How new it is

Deno.test("Client with monotonic refuses an older value, and one that does not say how new it is", async () => {
  const server = new MemoryServer();
  await using client = server.client({ monotonic: true });
  await using plain = server.client();
  await plain.set("k", "from before");
  const unsequenced = server.valueOf("k");
  assertEquals(await client.get("k"), "from before");
  await client.set("k", "old");
  const old = server.valueOf("k");
  await client.set("k", "new");
  for (const value of [unsequenced, old]) {
    server.put("k", value);
    assertEquals((await client.open("k")).status, "rolled-back");
    assertEquals((await assertRejects(() => client.increment("k"), CryptomemError)).code, "ROLLED_BACK");
  }
  // What is wrong can be written over, and then all is well again.
  await client.set("k", "newer");
  assertEquals(await client.get("k"), "newer");
});

Deno.test("Client with monotonic remembers how new a value was beyond its end", async () => {
  const server = new MemoryServer();
  await using client = server.client({ monotonic: true });
  await client.set("k", "old");
  const old = server.valueOf("k");
  await client.set("k", "new");
  for (const end of [() => client.take("k"), () => client.delete("k"), () => client.clear()]) {
    await end();
    assertEquals(await client.get("k"), undefined);
    server.put("k", old);
    assertEquals((await client.open("k")).status, "rolled-back");
  }
});

Deno.test("Client with monotonic writes over what it cannot open, and over what another has written meanwhile", async () => {
  const server = new MemoryServer(), clock = server.clock as FakeClock;
  await using client = server.client({ monotonic: true });
  server.put("k", "no envelope");
  await client.set("k", "sealed");
  assertEquals(await client.get("k"), "sealed");

  let losses = 3;
  server.intercept = ({ opcode }) => {
    return opcode === CAS && losses-- > 0 ? reply(CONFLICT, "CONFLICT the entry has another version") : undefined;
  };
  const set = client.set("k", "in the end");
  for (let i = 0; i < 10; i++) {
    await settle();
    clock.advance(10);
  }
  await set;
  assertEquals(await client.get("k"), "in the end");
  assertEquals([await client.replace("k", 2), await client.replace("missing", 2), await client.add("k", 3)], [
    true,
    false,
    false,
  ]);
});

Deno.test("Client with monotonic does not take a slow answer for an old one", async () => {
  const server = new MemoryServer();
  await using client = server.client({ monotonic: true });
  // Large enough to be opened on another thread, so that what is asked for later is done before.
  await client.set("k", "x".repeat(4_000_000));
  const slow = client.get<string>("k");
  const set = client.set("k", "small");
  assertEquals([(await slow)!.length, await set, await client.get("k")], [4_000_000, undefined, "small"]);
});

Deno.test("Client with monotonic reads before it writes, and nobody else does", async () => {
  const server = new MemoryServer();
  await using plain = server.client();
  await plain.set("k", 1);
  await plain.get("k");
  assertEquals(server.requests.map(({ opcode }) => opcode), [1, GET]);
  await using client = server.client({ monotonic: true });
  await client.set("k", 1);
  await client.get("k");
  assertEquals(server.transports.at(-1)!.requests.map(({ opcode }) => opcode), [GETV, TTL, CAS, GET]);
});

Deno.test("HighWater gives sequences above all it knows, and above the time", () => {
  const marks = new HighWater();
  assertEquals(marks.mark("k"), undefined);
  assertEquals(marks.next("k", undefined, 1_000), 1_000_001);
  assertEquals(marks.next("k", 2_000_000, 1_000), 2_000_001);
  marks.raise("k", 3_000_000);
  marks.raise("k", 5);
  assertEquals(marks.mark("k"), 3_000_000);
  assertEquals(marks.next("k", 2_000_000, 1_000), 3_000_001);
  assertEquals(marks.next("other", undefined, 1_000.7), 1_000_001);
});

Deno.test("HighWater refuses to go beyond the last sequence", async () => {
  const marks = new HighWater();
  marks.raise("k", Number.MAX_SAFE_INTEGER);
  const error = await assertRejects(
    // deno-lint-ignore require-await -- to have what it throws
    async () => marks.next("k", undefined, 0),
    CryptomemError,
  );
  assertEquals(error.code, "OVERFLOW");
});

Deno.test("HighWater remembers the keys that were used last", () => {
  const marks = new HighWater();
  for (let i = 0; i <= MAX_HIGH_WATER_MARKS; i++) {
    marks.raise(`k${i}`, i + 1);
    marks.mark("k0");
  }
  assert(marks.mark("k0") !== undefined && marks.mark("k1") === undefined);
});
