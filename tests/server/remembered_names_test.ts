/** What a connection may have the server remember: keys that it watches, channels and patterns that it subscribes to. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { textOf } from "../../lib/bytes.ts";
import { OPCODE } from "../../lib/codec/operations.ts";
import { MAX_SUBSCRIPTION_BYTES, MAX_WATCHED_BYTES, REMEMBERED_NAME_BYTES } from "../../lib/limits.ts";
import { frame } from "../support/cm_frame.ts";
import { type MemoryPeer, MemoryServer, settled, until } from "../support/memory_server.ts";
import { command } from "../support/resp_frame.ts";

/** So long that few of them fill the room to the last byte. */
const NAME_BYTES = 65_536 - REMEMBERED_NAME_BYTES;
const FITTING = MAX_WATCHED_BYTES / (REMEMBERED_NAME_BYTES + NAME_BYTES);

/** The i-th of these names. */
function nameOf(i: number): string {
  return String(i).padEnd(NAME_BYTES, ".");
}

/** What is answered to requests, of which each is asked when the one before is answered. */
async function ask(client: MemoryPeer, ...requests: Uint8Array[]): Promise<string> {
  client.take();
  for (const request of requests) {
    const before = client.writtenBytes;
    client.send(request);
    await until(() => client.writtenBytes > before);
  }
  return textOf(client.take());
}

Deno.test("WATCH: keys beyond 4 MiB are refused, those watched before stay, and EXEC still depends on them", async () => {
  assertEquals([FITTING, MAX_SUBSCRIPTION_BYTES], [64, MAX_WATCHED_BYTES]);
  await using world = new MemoryServer();
  const client = world.connect(), other = world.connect();
  for (let i = 0; i < FITTING; i++) assertEquals(await ask(client, command("WATCH", nameOf(i))), "+OK\r\n", `${i}`);
  assertMatch(
    await ask(client, command("WATCH", "x")),
    /^-ERR the keys that are watched may take 4194304 bytes[^\n]*\n$/,
  );
  assertEquals(await ask(client, command("MULTI"), command("SET", "k", "v")), "+OK\r\n+QUEUED\r\n");
  assertEquals(await ask(other, command("SET", "x", "1")), "+OK\r\n");
  assertEquals(await ask(client, command("EXEC")), "*1\r\n+OK\r\n", "what was refused is not watched");
  for (let i = 0; i < FITTING; i++) {
    assertEquals(await ask(client, command("WATCH", nameOf(i))), "+OK\r\n", "there is room");
  }
  assertEquals(await ask(other, command("SET", nameOf(FITTING - 1), "1")), "+OK\r\n");
  assertEquals(await ask(client, command("MULTI"), command("EXEC")), "+OK\r\n*-1\r\n");
});

Deno.test("WATCH: of keys in one request that are too much together none is watched, and UNWATCH makes room", async () => {
  await using world = new MemoryServer();
  const client = world.connect(), other = world.connect();
  const names = Array.from({ length: FITTING }, (_, i) => nameOf(i));
  assertStringIncludes(await ask(client, command("WATCH", "first", ...names)), "-ERR the keys that are watched");
  assertEquals(await ask(other, command("SET", "first", "1")), "+OK\r\n");
  assertEquals(
    await ask(client, command("MULTI"), command("SET", "k", "v"), command("EXEC")),
    "+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n",
  );
  assertEquals(await ask(client, command("WATCH", ...names)), "+OK\r\n");
  assertStringIncludes(await ask(client, command("WATCH", "x")), "-ERR ");
  assertEquals(await ask(client, command("UNWATCH"), command("WATCH", ...names)), "+OK\r\n+OK\r\n");
});

/** How one subscribes, and how the server says that it is too much. */
const SUBSCRIBING: Readonly<Record<string, [(name: string) => Uint8Array, RegExp]>> = {
  "SUBSCRIBE in RESP": [
    (name) => command("SUBSCRIBE", name),
    /^-ERR a connection's subscriptions may take 4194304 bytes/,
  ],
  "PSUBSCRIBE in RESP": [(name) => command("PSUBSCRIBE", name), /^-ERR a connection's subscriptions may take/],
  "SUBSCRIBE in CM": [
    (name) => frame({ opcode: OPCODE.SUBSCRIBE, key: name }),
    /^CM[^]{5}TOO_LARGE a connection's subscriptions may take/,
  ],
  "SUBSCRIBE by a prefix in CM": [
    (name) => frame({ opcode: OPCODE.SUBSCRIBE, key: `${name.slice(0, -2)}*` }),
    /^CM[^]{5}TOO_LARGE a connection's subscriptions may take/,
  ],
};

for (const [way, [subscribe, refusal]] of Object.entries(SUBSCRIBING)) {
  Deno.test(`${way}: names beyond 4 MiB are refused, and subscriptions stay as they were`, async () => {
    await using world = new MemoryServer();
    const client = world.connect(), other = world.connect();
    let taken = 0;
    for (; taken < 2 * FITTING; taken++) if (refusal.test(await ask(client, subscribe(nameOf(taken))))) break;
    // A prefix may take a byte or two less or more than its name.
    assert(Math.abs(taken - FITTING) <= 1, `${taken} were taken`);
    assertMatch(await ask(client, subscribe(nameOf(taken))), refusal, "again");
    const told = await ask(other, command("INFO", "stats"));
    const subscribed = ["channels", "patterns"].map((kind) =>
      Number(new RegExp(`pubsub_${kind}:(\\d+)`).exec(told)![1])
    );
    assertEquals(subscribed.toSorted((a, b) => a - b), [0, taken]);
    assertEquals(await ask(other, command("PUBLISH", nameOf(taken), "m")), ":0\r\n");
    const before = client.writtenBytes;
    assertEquals(await ask(other, command("PUBLISH", nameOf(0), "m")), ":1\r\n");
    assert(client.writtenBytes > before, "it still gets what it subscribed to");
    client.leave();
    await settled();
    assertMatch(await ask(other, command("INFO", "stats")), /pubsub_channels:0\r\npubsub_patterns:0/);
  });
}

Deno.test("SUBSCRIBE: of channels in one request that are too much together none is subscribed to", async () => {
  await using world = new MemoryServer();
  const client = world.connect(), other = world.connect();
  const names = Array.from({ length: FITTING }, (_, i) => nameOf(i));
  assertMatch(await ask(client, command("SUBSCRIBE", "first", ...names)), /^-ERR a connection's subscriptions/);
  assertEquals(await ask(other, command("PUBLISH", "first", "m")), ":0\r\n");
  assertEquals(await ask(client, command("PING")), "+PONG\r\n", "it is no subscriber");
});
