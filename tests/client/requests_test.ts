/**
 * Answers that do not fit their question: a server may say anything, and nothing is taken from it.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { type Client, CryptomemError } from "../../client.ts";
import { concat, ERROR, GET, NOT_FOUND, OK, reply } from "./frames.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { CAS, CLEAR, GETV, i64, KEY, MemoryServer, STATS, TTL } from "./memory_server.ts";
import { until } from "./memory_transport.ts";

const EIGHT_BYTES = new Uint8Array(8).fill(1);

async function assertInternal(call: Promise<unknown>, where: string): Promise<void> {
  assertEquals((await assertRejects(() => call, CryptomemError)).code, "INTERNAL", where);
}

Deno.test("Client takes nothing from an answer that is too short, too long, or impossible", async () => {
  const wrong: readonly (readonly [opcode: number, call: (client: Client) => Promise<unknown>, Uint8Array])[] = [
    [TTL, (client) => client.ttl("k"), new Uint8Array(0)],
    [TTL, (client) => client.ttl("k"), new Uint8Array(7)],
    [TTL, (client) => client.ttl("k"), new Uint8Array(9)],
    [TTL, (client) => client.ttl("k"), i64(0n)],
    [TTL, (client) => client.ttl("k"), i64(-2n)],
    [TTL, (client) => client.increment("k"), i64(-9n)],
    [GETV, (client) => client.increment("k"), new Uint8Array(7)],
    [GETV, (client) => client.rename("k", "there"), new Uint8Array(0)],
    [CLEAR, (client) => client.clear(), new Uint8Array(4)],
    [STATS, (client) => client.stats(), Uint8Array.of(0xff, 0xfe)],
    [STATS, (client) => client.stats(), new TextEncoder().encode("[1]")],
  ];
  for (const [opcode, call, answer] of wrong) {
    const server = new MemoryServer();
    await using client = server.client();
    await client.set("k", 1);
    server.intercept = (request) => request.opcode === opcode ? reply(OK, answer) : undefined;
    await assertInternal(call(client), `${opcode}: ${answer.toHex()}`);
    server.intercept = () => undefined;
    assertEquals(await client.get("k"), 1);
  }
});

Deno.test("Client makes INTERNAL of Not Found where nothing was looked for", async () => {
  const server = new MemoryServer();
  await using client = server.client();
  server.intercept = () => reply(NOT_FOUND);
  for (const call of [client.set("k", 1), client.add("k", 1), client.clear(), client.stats(), client.ping()]) {
    await assertInternal(call, "");
  }
});

Deno.test("Client does not read a time to live beyond what there is as one", async () => {
  const server = new MemoryServer();
  await using client = server.client();
  await client.set("k", 1);
  server.intercept = ({ opcode }) => opcode === TTL ? reply(OK, i64(2n ** 63n - 1n)) : undefined;
  assertEquals(await client.ttl("k"), 9_223_372_036_854);
  assertEquals(await client.increment("k"), 2);
});

Deno.test("Client stores nothing on a version that the server makes up, and gives up in time", async () => {
  const clock = new FakeClock(), server = new MemoryServer(clock);
  await using client = server.client({ timeout: "1s" });
  await client.set("k", 1);
  const sealed = server.valueOf("k");
  server.intercept = ({ opcode }) => opcode === GETV ? reply(OK, concat(EIGHT_BYTES, sealed)) : undefined;
  let error: CryptomemError | undefined;
  client.increment("k").catch((reason) => error = reason);
  await until(() => {
    clock.advance(10);
    return error !== undefined;
  });
  assertEquals(error!.code, "CONFLICT");
  assertEquals(server.valueOf("k"), sealed);
});

Deno.test("Client.rename() that fails on its way leaves the value where it was, or at both places", async () => {
  for (const opcode of [GETV, TTL, 1, CAS]) {
    const server = new MemoryServer();
    await using client = server.client();
    await client.set("from", "value");
    server.intercept = (request) => request.opcode === opcode ? reply(ERROR, "OUT_OF_MEMORY full") : undefined;
    const error = await assertRejects(() => client.rename("from", "to"), CryptomemError);
    assertEquals(error.code, "OUT_OF_MEMORY");
    server.intercept = () => undefined;
    assertEquals(await client.get("from"), "value");
    assertEquals(await client.get("to"), opcode === CAS ? "value" : undefined);
  }
});

Deno.test("Client.rename() moves what an entry has become while it was being copied", async () => {
  const clock = new FakeClock(), server = new MemoryServer(clock);
  await using client = server.client();
  await using other = server.client();
  await other.set("from", "second");
  const second = server.valueOf("from");
  await other.set("from", "first");
  let isChanged = false;
  server.intercept = ({ opcode }) => {
    if (opcode === CAS && !isChanged) {
      isChanged = true;
      server.put("from", second);
    }
    return undefined;
  };
  let isMoved: boolean | undefined;
  client.rename("from", "to").then((moved) => isMoved = moved);
  await until(() => {
    clock.advance(1);
    return isMoved !== undefined;
  });
  assertEquals([isMoved, await client.get("to"), await client.get("from")], [true, "second", undefined]);
});

Deno.test("Client refuses a value that was sealed for the same place with another name, or with none", async () => {
  const server = new MemoryServer();
  const names = "names-32-byte-very-secret-key-!!";
  await using blinded = server.client({ keys: { active: KEY, names }, blindNames: true });
  await using clear = server.client();
  await blinded.set("name", "with its name inside");
  const stand = [...server.entries.keys()][0]!;
  // A client that takes the stand-in for a key.
  const error = await assertRejects(() => clear.get(stand), CryptomemError);
  assertEquals([error.code, (error as { reason?: string }).reason], ["TAMPERED", "other-name"]);
  await clear.set(stand, "without a name");
  assertEquals((await blinded.open("name")).status, "tampered");
});

Deno.test("Client reads an envelope where it stores Fernet tokens as none, and the other way round", async () => {
  const server = new MemoryServer();
  await using fernet = server.client({ fernet: { key: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", maxAge: "1h" } });
  await using sealing = server.client();
  await fernet.set("token", "text");
  await sealing.set("envelope", "text");
  assertEquals((await fernet.open("envelope")).status, "not-an-envelope");
  assertEquals((await sealing.open("token")).status, "not-an-envelope");
  assertEquals(await fernet.open("token"), { status: "found", value: "text", keyId: undefined });
  await assertRejects(() => fernet.set("k", { n: 1 }), TypeError, "JSON.stringify");
  await fernet.append("token", " and more");
  assertEquals(await fernet.get("token"), "text and more");
  assertEquals(server.requests.filter(({ opcode }) => opcode === GET).length, 4);
});
