import { assert, assertEquals, assertLess, assertNotEquals } from "@std/assert";
import type { Client, ClientOptions } from "../../client.ts";
import { envelopeKeyId } from "../../lib/crypto/envelope_header.ts";
import { MAX_CONCURRENT_RESEALS } from "../../lib/limits.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { ERROR, reply } from "./frames.ts";
import { CAS, GETV, KEY, MemoryServer } from "./memory_server.ts";
import { settle, until } from "./memory_transport.ts";

const NEW = "new-32-byte-very-secret-key-----";

/** A server, a client with the old key, and one that holds it too but seals with a new one. */
class Bench {
  readonly clock = new FakeClock();
  readonly server = new MemoryServer(this.clock);

  old(options: ClientOptions = {}): Client {
    return this.server.client(options);
  }

  rotated(options: ClientOptions = {}): Client {
    return this.server.client({ keys: { active: NEW, openOnly: [KEY] }, resealOnRead: true, ...options });
  }

  asked(opcode: number): number {
    return this.server.requests.filter((request) => request.opcode === opcode).length;
  }

  /** Waits until so many values were stored by CAS, as those that are sealed anew are. */
  async resealed(count: number): Promise<void> {
    await until(() => this.asked(CAS) === count);
    await settle();
  }
}

async function keyIdOf(client: Client, key: string): Promise<string | undefined> {
  const outcome = await client.open(key);
  return outcome.status === "found" ? outcome.keyId : undefined;
}

Deno.test("Client with resealOnRead seals a value with the active key once it was read, and once only", async () => {
  const bench = new Bench();
  await using old = bench.old();
  await using rotated = bench.rotated();
  for (const [i, value] of ["text", { n: 1 }, Uint8Array.of(1, 255)].entries()) {
    await old.set("k", value);
    assertEquals(await rotated.get("k"), value);
    await bench.resealed(i + 1);
    assertEquals(await rotated.get("k"), value);
    await settle();
    assertEquals([bench.asked(GETV), bench.asked(CAS)], [i + 1, i + 1]);
    assertEquals(await keyIdOf(rotated, "k"), (await rotated.keys.list())[0]!.id);
  }
});

Deno.test("Client without resealOnRead leaves what it reads as it is", async () => {
  const bench = new Bench();
  await using old = bench.old();
  await using rotated = bench.rotated({ resealOnRead: false });
  await old.set("k", 1);
  await rotated.get("k");
  await settle();
  assertEquals([bench.asked(GETV), bench.asked(CAS)], [0, 0]);
});

Deno.test("Client that seals anew lets nothing live longer, not even over a slow way", async () => {
  const bench = new Bench();
  await using old = bench.old();
  await using rotated = bench.rotated();
  await old.set("k", 1, { ttl: 10_000 });
  bench.server.intercept = ({ opcode }) => {
    // The value was read; the question about its time takes a second more.
    if (opcode === GETV) bench.clock.advance(1_000);
    return undefined;
  };
  const end = bench.clock.nowMs() + 10_000;
  await rotated.get("k");
  await bench.resealed(1);
  assertEquals(await keyIdOf(rotated, "k"), (await rotated.keys.list())[0]!.id);
  const { endMs } = bench.server.entries.get("k")!;
  assert(endMs <= end && endMs >= end - 1_001, `${end - endMs} ms sooner`);
});

Deno.test("Client that seals anew keeps what is sealed beside the value: its end and how new it is", async () => {
  const bench = new Bench();
  await using old = bench.old({ monotonic: true, bindExpiry: true });
  await using rotated = bench.rotated();
  await old.set("k", "v", { ttl: "1m" });
  const before = bench.server.valueOf("k"), { endMs } = bench.server.entries.get("k")!;
  await rotated.get("k");
  // Storing it took one as well.
  await bench.resealed(2);
  assert(bench.server.entries.get("k")!.endMs <= endMs);
  assertNotEquals(bench.server.valueOf("k"), before);
  assertEquals(bench.server.valueOf("k").length, before.length);
  // The old client knows the new key, too, by now.
  await old.keys.add(NEW);
  assertEquals(await old.get("k"), "v");
  // The server forgets the time to live; the value does not.
  await rotated.touch("k", null);
  bench.clock.advance(90_001);
  assertEquals((await rotated.open("k")).status, "expired");
});

Deno.test("Client that seals anew does not disturb a reading when it fails", async () => {
  const bench = new Bench();
  await using old = bench.old();
  await using rotated = bench.rotated();
  await old.set("k", "v");
  for (const opcode of [GETV, CAS]) {
    const asked = bench.asked(opcode);
    bench.server.intercept = (request) => request.opcode === opcode ? reply(ERROR, "OUT_OF_MEMORY full") : undefined;
    assertEquals(await rotated.get("k"), "v");
    await until(() => bench.asked(opcode) > asked);
    await settle();
  }
  bench.server.intercept = () => undefined;
  assertEquals(await rotated.get("k"), "v");
  await bench.resealed(2);
  assertEquals(await keyIdOf(rotated, "k"), (await rotated.keys.list())[0]!.id);
});

Deno.test("Client seals few values anew at once, and the others when they are read again", async () => {
  const bench = new Bench();
  await using old = bench.old();
  await using rotated = bench.rotated();
  const keys = Array.from({ length: 5 * MAX_CONCURRENT_RESEALS }, (_, i) => `k${i}`);
  for (const key of keys) await old.set(key, key);
  // So that nothing is sealed before the last value has come.
  let lock = true;
  bench.server.intercept = ({ opcode }) => opcode === CAS && lock ? reply(ERROR, "BUSY later") : undefined;
  await Promise.all(keys.map((key) => rotated.get(key)));
  await until(() => bench.asked(CAS) > 0);
  assertLess(bench.asked(GETV), keys.length / 2);
  lock = false;
  const active = (await rotated.keys.list())[0]!.id;
  const isDone = () => keys.every((key) => envelopeKeyId(bench.server.valueOf(key), 0, 100) === parseInt(active, 16));
  while (!isDone()) await Promise.all(keys.map((key) => rotated.get(key)));
  for (const key of keys) assertEquals(await keyIdOf(rotated, key), active);
});

Deno.test("Client.close() waits for what is being sealed anew", async () => {
  const bench = new Bench();
  await using old = bench.old();
  await old.set("k", 1);
  const rotated = bench.rotated();
  const active = (await rotated.keys.list())[0]!.id;
  await rotated.get("k");
  await rotated.close();
  await using another = bench.rotated({ resealOnRead: false });
  assertEquals(await keyIdOf(another, "k"), active);
});
