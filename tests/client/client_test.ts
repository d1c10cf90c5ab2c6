import { assert, assertEquals, assertInstanceOf, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { Client, type ClientOptions, CryptomemError, IntegrityError, type Value } from "../../client.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { DELETE, ERROR, NOT_FOUND, PING, reply } from "./frames.ts";
import { KEY, MemoryServer } from "./memory_server.ts";
import { MemoryTransport, settle } from "./memory_transport.ts";

/** A client whose server answers everything alike. */
function clientAnswered(answer: Uint8Array): Client {
  const server = new MemoryServer();
  server.intercept = () => answer;
  return server.client();
}

Deno.test("Client gives back every value with its type", async () => {
  const values: Value[] = [
    "",
    "text",
    "ünïcødé 🗝",
    new Uint8Array(0),
    Uint8Array.of(0, 255, 0xc1),
    null,
    true,
    -0.5,
    [1, [
      "a",
    ]],
    { user: 7, roles: ["admin"], nested: { a: null } },
    "{}",
    "null",
  ];
  await using client = new MemoryServer().client();
  for (const value of values) {
    await client.set("k", value);
    assertEquals(await client.get("k"), value);
  }
});

Deno.test("Client lets the server see no value, and seals the same value differently each time", async () => {
  const server = new MemoryServer();
  await using client = server.client();
  await client.set("k", "active_data_payload");
  const first = server.valueOf("k");
  await client.set("k", "active_data_payload");
  assertEquals([first[0], first.length], [0xc1, 46 + "active_data_payload".length]);
  assertNotEquals(server.valueOf("k"), first);
  for (const { value } of server.requests) assert(!new TextDecoder().decode(value).includes("payload"));
});

Deno.test("Client.get() of nothing is undefined", async () => {
  await using client = new MemoryServer().client();
  assertEquals(await client.get("nothing"), undefined);
});

Deno.test("Client.delete() tells whether there was an entry", async () => {
  await using client = new MemoryServer().client();
  await client.set("k", 1);
  assertEquals([await client.delete("k"), await client.delete("k")], [true, false]);
});

Deno.test("Client.ping() tells how long the answer took", async () => {
  const server = new MemoryServer();
  const clock = new FakeClock();
  await using client = server.client({
    clock,
    connect: () => {
      clock.advance(7);
      return server.connect();
    },
  });
  assertEquals(await client.ping(), 7);
  assertEquals(await client.ping(), 0);
});

Deno.test("Client.set() sends the ttl in nanoseconds", async () => {
  const server = new MemoryServer();
  await using client = server.client();
  const ttls: [number | string | undefined, bigint][] = [
    [undefined, 0n],
    [1, 1_000_000n],
    ["10s", 10_000_000_000n],
    ["5m", 300_000_000_000n],
    ["24h", 86_400_000_000_000n],
    [9_223_372_036_854, 9_223_372_036_854_000_000n],
  ];
  for (const [ttl] of ttls) await client.set("k", 1, ttl === undefined ? {} : { ttl });
  assertEquals(server.requests.map((request) => request.ttlNanoseconds), ttls.map(([, nanoseconds]) => nanoseconds));
});

Deno.test("Client.set() refuses a ttl that is none", async () => {
  await using client = new MemoryServer().client();
  for (const ttl of [0, -1, NaN, Infinity, 9_223_372_036_855, "0s", "-5m"]) {
    await assertRejects(() => client.set("k", 1, { ttl }), RangeError, "", String(ttl));
  }
  await assertRejects(() => client.set("k", 1, { ttl: "soon" }), TypeError);
});

Deno.test("Client refuses keys that are none", async () => {
  await using client = new MemoryServer().client();
  for (const key of ["", "\ud800", 7 as unknown as string, undefined as unknown as string]) {
    await assertRejects(() => client.set(key, 1), TypeError);
    await assertRejects(() => client.get(key), TypeError);
    await assertRejects(() => client.delete(key), TypeError);
  }
});

Deno.test("Client takes keys up to 65,535 bytes, the namespace included", async () => {
  const server = new MemoryServer();
  await using client = server.client();
  await client.set("ü".repeat(32_767) + "x", "longest");
  assertEquals(await client.get("ü".repeat(32_767) + "x"), "longest");
  await assertRejects(() => client.get("ü".repeat(32_768)), RangeError, "65536 bytes, the limit is 65535");
  await using inNamespace = server.client({ namespace: "app" });
  await assertRejects(() => inNamespace.get("x".repeat(65_532)), RangeError, "65536 bytes");
});

Deno.test("Client refuses values that would come back as others", async () => {
  await using client = new MemoryServer().client();
  for (const value of [undefined, NaN, 1n, new Date(0), new Map(), "\ud800", { at: [new Date(0)] }]) {
    await assertRejects(() => client.set("k", value as unknown as Value), TypeError);
  }
});

Deno.test("Client.set() takes the value as it is at the call", async () => {
  await using client = new MemoryServer().client();
  const bytes = Uint8Array.of(1, 2, 3);
  const object = { count: 1 };
  const sets = [client.set("bytes", bytes), client.set("object", object)];
  bytes.fill(0);
  object.count = 2;
  await Promise.all(sets);
  assertEquals(await client.get("bytes"), Uint8Array.of(1, 2, 3));
  assertEquals(await client.get("object"), { count: 1 });
});

Deno.test("Client without a key pings and deletes, and neither reads nor writes anything", async () => {
  const server = new MemoryServer();
  await using client = new Client("memory", { connect: server.connect });
  await client.ping();
  assertEquals(await client.delete("k"), false);
  await assertRejects(() => client.set("k", "plain"), TypeError, "without a key");
  await assertRejects(() => client.get("k"), TypeError, "without a key");
  assertEquals(server.requests.map((request) => request.opcode), [PING, DELETE]);
});

Deno.test("Client keeps namespaces apart, by name and by seal", async () => {
  const server = new MemoryServer();
  await using app = server.client({ namespace: "app" });
  await using none = server.client();
  await app.set("x", "of app");
  assertEquals([...server.entries.keys()], ["app:x"]);
  assertEquals(await app.get("x"), "of app");
  assertEquals(await none.get("x"), undefined);
  // The same name for the server, another place for the seal.
  await assertRejects(() => none.get("app:x"), IntegrityError);
});

Deno.test("Client throws an IntegrityError for what was not sealed for this place, and for this call alone", async () => {
  const server = new MemoryServer();
  await using client = server.client();
  await Promise.all([client.set("a", 1), client.set("b", 2), client.set("good", 3)]);
  const [a, b] = [server.valueOf("a"), server.valueOf("b")];
  server.put("a", b); // an envelope of another key
  const flipped = b.slice();
  flipped[40]! ^= 1;
  server.put("b", flipped);
  server.put("cut", a.subarray(0, 30));
  server.put("empty", new Uint8Array(0));
  server.put("plain", new TextEncoder().encode("plain text, never returned"));
  for (const key of ["a", "b", "cut", "empty", "plain"]) {
    const [bad, good] = await Promise.allSettled([client.get(key), client.get("good")]);
    assertInstanceOf(bad.status === "rejected" && bad.reason, IntegrityError, key);
    assertEquals(good, { status: "fulfilled", value: 3 });
  }
});

Deno.test("Client with another key cannot open a value", async () => {
  const server = new MemoryServer();
  await using client = server.client();
  await client.set("k", "secret");
  await using other = server.client({ key: crypto.getRandomValues(new Uint8Array(32)) });
  const error = await assertRejects(() => other.get("k"), IntegrityError);
  assertEquals([error.code, error.reason], ["UNKNOWN_KEY", "unknown-key-id"]);
});

Deno.test("Client runs the seals of concurrent calls together and sends them in few writes, in order", async () => {
  const server = new MemoryServer();
  await using client = server.client();
  await client.set("warm up", 1);
  const writesBefore = server.transports[0]!.writes.length;
  const calls = Array.from({ length: 50 }, (_, i) => [client.set("k", i), client.get("k")]).flat();
  const results = await Promise.all(calls);
  // Each get sees the set called before it, and none after it.
  assertEquals(results, Array.from({ length: 50 }, (_, i) => [undefined, i]).flat());
  const writes = server.transports[0]!.writes.length - writesBefore;
  assert(writes <= 25, `100 requests took ${writes} writes`);
});

Deno.test("Client passes a server's errors on by their code", async () => {
  for (const code of ["TOO_LARGE", "OUT_OF_MEMORY", "AUTH_REQUIRED", "BUSY", "INTERNAL"] as const) {
    await using client = clientAnswered(reply(ERROR, `${code} said so`));
    for (const call of [client.set("k", 1), client.get("k"), client.delete("k"), client.ping()]) {
      assertEquals((await assertRejects(() => call, CryptomemError, "said so")).code, code);
    }
  }
});

Deno.test("Client makes INTERNAL of an error that is not on the list, and shows no control characters of it", async () => {
  for (const text of ["", "WHATEVER else", "TIMEOUT is not a server's to say", "no code", "BUSY\x1b[2J", "\x00"]) {
    await using client = clientAnswered(reply(ERROR, text));
    const error = await assertRejects(() => client.get("k"), CryptomemError);
    assertEquals(error.code, "INTERNAL", text);
    // deno-lint-ignore no-control-regex -- exactly those
    assert(!/[\x00-\x1f]/.test(error.message));
  }
});

Deno.test("Client makes INTERNAL of an answer that its request does not have", async () => {
  await using client = clientAnswered(reply(NOT_FOUND));
  assertEquals((await assertRejects(() => client.set("k", 1), CryptomemError)).code, "INTERNAL");
  assertEquals((await assertRejects(() => client.ping(), CryptomemError)).code, "INTERNAL");
});

Deno.test("Client refuses to seal, and to receive, more than maxValueBytes", async () => {
  const server = new MemoryServer();
  await using client = server.client({ maxValueBytes: 10 });
  await client.set("k", new Uint8Array(10));
  assertEquals(await client.get("k"), new Uint8Array(10));
  const [tooLarge, next] = await Promise.allSettled([client.set("k", new Uint8Array(11)), client.ping()]);
  assertEquals(tooLarge.status === "rejected" && tooLarge.reason.code, "TOO_LARGE");
  assertEquals(next.status, "fulfilled");
  await using generous = server.client();
  await generous.set("k", new Uint8Array(1_000));
  assertEquals((await assertRejects(() => client.get("k"), CryptomemError)).code, "TOO_LARGE");
});

Deno.test("Client takes no call once it is closed, and ends those under way", async () => {
  const server = new MemoryServer();
  const client = server.client();
  const underWay = [client.set("k", 1), client.get("k")];
  const closing = client.close();
  await assertRejects(() => client.get("k"), TypeError, 'Cannot get "k": the client is closed');
  await assertRejects(() => client.set("k", 1), TypeError, "closed");
  await assertRejects(() => client.delete("k"), TypeError, "closed");
  await assertRejects(() => client.ping(), TypeError, "Cannot ping: the client is closed");
  assertEquals(await Promise.all(underWay), [undefined, 1]);
  await closing;
  await client.close();
  assertEquals(server.transports.map((transport) => transport.closed), [true]);
});

Deno.test("Client reports nothing for a promise that nobody looks at", async () => {
  const unhandled: unknown[] = [];
  const note = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    unhandled.push(event.reason);
  };
  globalThis.addEventListener("unhandledrejection", note);
  try {
    const failing = new Client("memory", { key: KEY, connect: () => Promise.reject(new Error("refused")) });
    failing.set("k", 1);
    failing.get("k");
    failing.ping();
    failing.get("");
    await settle();
    await failing.close();
    const closed = clientAnswered(reply(ERROR, "BUSY later"));
    closed.set("k", 1);
    await closed.close();
    closed.get("k");
    // Rejections are reported when the event loop has turned.
    await new Promise((resolve) => setTimeout(resolve, 0));
  } finally {
    globalThis.removeEventListener("unhandledrejection", note);
  }
  assertEquals(unhandled, []);
});

Deno.test("Client refuses options that cannot be used, at once", () => {
  const wrong: [ClientOptions, typeof TypeError | typeof RangeError][] = [
    [{ key: "too short" }, RangeError],
    [{ key: new Uint8Array(31) }, RangeError],
    [{ key: 7 as unknown as string }, TypeError],
    [{ timeout: 0 }, RangeError],
    [{ timeout: -1 }, RangeError],
    [{ timeout: NaN }, RangeError],
    [{ timeout: 2 ** 31 }, RangeError],
    [{ timeout: "later" }, TypeError],
    [{ maxValueBytes: -1 }, RangeError],
    [{ maxValueBytes: 2 ** 32 }, RangeError],
    [{ namespace: "\ud800" }, TypeError],
  ];
  for (const [options, ErrorClass] of wrong) {
    assertThrows(() => new Client("localhost", options), ErrorClass, "", Object.keys(options)[0]);
  }
  assertThrows(() => new Client("http://localhost"), TypeError);
  assertThrows(() => new Client("localhost:0"), RangeError);
});

Deno.test("Client shows no part of a key it refuses", () => {
  const error = assertThrows(() => new Client("localhost", { key: "hunter2-is-too-short" })) as Error;
  assert(!error.message.includes("hunter2"));
});

Deno.test("Client takes its timeout as text", async () => {
  const clock = new FakeClock();
  const transport = new MemoryTransport();
  await using client = new Client("memory", { timeout: "2s", clock, connect: () => Promise.resolve(transport) });
  const call = client.ping();
  await settle();
  clock.advance(2_000);
  await assertRejects(() => call, CryptomemError, "Cannot ping: no reply within 2000 ms");
});
