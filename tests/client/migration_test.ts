import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { Client, type ClientOptions, CryptomemError } from "../../client.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { CAS, KEY, MemoryServer } from "./memory_server.ts";
import { settle, until } from "./memory_transport.ts";

const DAY_MS = 86_400_000;

/** A server with plaintext on it, and a client that may read it for a day. */
class Bench {
  readonly clock = new FakeClock();
  readonly server = new MemoryServer(this.clock);
  readonly warnings: string[] = [];

  client(options: ClientOptions = {}): Client {
    return this.server.client({
      migration: { readPlaintextUntil: new Date(this.clock.wallMs() + DAY_MS) },
      warn: (message) => void this.warnings.push(message),
      ...options,
    });
  }
}

Deno.test("Client reads plaintext in a migration: as text if it is UTF-8, else as bytes", async () => {
  const bench = new Bench();
  await using client = bench.client();
  bench.server.put("text", "von früher");
  bench.server.put("empty", "");
  bench.server.put("bytes", Uint8Array.of(0, 255));
  assertEquals(await client.get("text"), "von früher");
  assertEquals(await client.get("empty"), "");
  assertEquals(await client.open("bytes"), { status: "plaintext", value: Uint8Array.of(0, 255) });
  assertEquals(await client.take("text"), "von früher");
});

Deno.test("Client never takes for plaintext what begins as an envelope, however damaged", async () => {
  const bench = new Bench();
  await using client = bench.client();
  for (const first of [0xc1, 0xf5]) {
    for (const length of [1, 45, 46, 100]) {
      bench.server.put("k", new Uint8Array(length).fill(65).with(0, first));
      const { status } = await client.open("k");
      assert(status === "not-an-envelope" || status === "unknown-key", status);
    }
  }
});

Deno.test("Client warns of a migration when it is made, at the first plaintext, and then once a minute with the count", async () => {
  const bench = new Bench();
  await using client = bench.client();
  assertEquals(bench.warnings.length, 1);
  assertStringIncludes(bench.warnings[0]!, "2026-01-02T00:00:00.000Z");
  bench.server.put("k", "secret-canary");
  for (let i = 0; i < 10; i++) await client.get("k");
  assertEquals(bench.warnings.length, 2);
  assertStringIncludes(bench.warnings[1]!, "warning: 1");
  bench.clock.advance(59_999);
  await client.get("k");
  assertEquals(bench.warnings.length, 2);
  bench.clock.advance(1);
  await client.get("k");
  assertEquals(bench.warnings.length, 3);
  assertStringIncludes(bench.warnings[2]!, "warning: 11");
  assert(!bench.warnings.join().includes("canary"));
});

Deno.test("Client warns on the console unless it is told where else", async () => {
  const bench = new Bench(), { warn } = console, lines: unknown[] = [];
  // deno-lint-ignore no-console -- what is tested
  console.warn = (...line: unknown[]) => void lines.push(...line);
  try {
    const readPlaintextUntil = new Date(bench.clock.wallMs() + DAY_MS);
    await using _client = bench.server.client({ migration: { readPlaintextUntil } });
  } finally {
    // deno-lint-ignore no-console -- as above
    console.warn = warn;
  }
  assertEquals(lines.length, 1);
});

Deno.test("Client ends a migration to the millisecond, by itself, also for changes", async () => {
  const bench = new Bench();
  await using client = bench.client();
  bench.server.put("k", "plain");
  bench.clock.advance(DAY_MS - 1);
  assertEquals(await client.get("k"), "plain");
  bench.clock.advance(1);
  for (const call of [() => client.get("k"), () => client.append("k", "!"), () => client.update("k", () => 1)]) {
    assertEquals((await assertRejects(call, CryptomemError)).code, "NOT_SEALED");
  }
});

Deno.test("Client that is made after the end of its migration says so, and reads no plaintext", async () => {
  const bench = new Bench();
  await using client = bench.client({ migration: { readPlaintextUntil: "2025-12-31" } });
  assertEquals(bench.warnings.length, 1);
  assertStringIncludes(bench.warnings[0]!, "have not been read since 2025-12-31");
  bench.server.put("k", "plain");
  assertEquals((await client.open("k")).status, "not-an-envelope");
});

Deno.test("Client seals in a migration what it changes, moves, or reads with resealOnRead, with the time it has left", async () => {
  const bench = new Bench();
  await using client = bench.client({ resealOnRead: true });
  for (const key of ["changed", "moved", "read"]) bench.server.put(key, "plain", 60_000);
  await client.append("changed", "!");
  const renamed = client.rename("moved", "there");
  await until(() => bench.server.requests.some(({ opcode, key }) => opcode === CAS && key === "moved"));
  await settle();
  bench.clock.advance(2);
  await renamed;
  assertEquals(await client.get("read"), "plain");
  await until(() => bench.server.valueOf("read")[0] === 0xc1);
  for (const key of ["changed", "there", "read"]) {
    assertEquals(bench.server.valueOf(key)[0], 0xc1, key);
    const ttlMs = (await client.ttl(key))!;
    assert(ttlMs > 59_990 && ttlMs <= 60_000, `${key}: ${ttlMs}`);
  }
  assertEquals([await client.get("changed"), await client.get("there"), await client.get("read")], [
    "plain!",
    "plain",
    "plain",
  ]);
});

Deno.test("Client refuses plaintext under a key where it has seen a sealed value, with monotonic", async () => {
  const bench = new Bench();
  await using client = bench.client({ monotonic: true });
  bench.server.put("k", "plain");
  assertEquals(await client.get("k"), "plain");
  await client.set("k", "sealed");
  bench.server.put("k", "plain");
  assertEquals((await client.open("k")).status, "rolled-back");
});

Deno.test("Client refuses a migration without an end, or with one too far ahead", () => {
  const clock = new FakeClock();
  const client = (readPlaintextUntil: unknown) =>
    new Client("localhost", { key: KEY, clock, migration: { readPlaintextUntil: readPlaintextUntil as Date } });
  for (const end of ["soon", new Date(NaN), undefined, 7, true]) assertThrows(() => client(end), TypeError, "Date");
  assertThrows(() => client(new Date(clock.wallMs() + 90 * DAY_MS + 1)), RangeError, "90 days");
  assertThrows(() => client("2027-01-01"), RangeError, "90 days");
});
