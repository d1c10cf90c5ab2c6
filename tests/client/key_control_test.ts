import { assertEquals, assertRejects } from "@std/assert";
import { Client, CryptomemError } from "../../client.ts";
import { KEY, MemoryServer } from "./memory_server.ts";

const OTHER = "other-32-byte-very-secret-key-!!";

/** A client with two keys, and what the server says about them. */
class Bench implements AsyncDisposable {
  readonly server = new MemoryServer();
  readonly client = this.server.client({ keys: { active: KEY, openOnly: [OTHER] } });

  async ids(): Promise<[active: string, other: string]> {
    const [active, other] = await this.client.keys.list();
    return [active!.id, other!.id];
  }

  says(statistics: unknown): void {
    this.server.statistics = JSON.stringify(statistics);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.client.close();
  }
}

Deno.test("keys.status() says that a key can be dropped once nothing needs it", async () => {
  await using bench = new Bench();
  const [active, other] = await bench.ids();
  bench.says({ keys: [{ id: other, entries: 2, bytes: 100 }, { id: "0000abcd", entries: 1, bytes: 50 }] });
  assertEquals(await bench.client.keys.status(), [
    { id: active, isActive: true, isHeld: true, entries: 0, bytes: 0, canDrop: false },
    { id: other, isActive: false, isHeld: true, entries: 2, bytes: 100, canDrop: false },
    { id: "0000abcd", isActive: false, isHeld: false, entries: 1, bytes: 50, canDrop: false },
  ]);
  bench.says({ keys: [{ id: other, entries: 0, bytes: 0 }, { id: "0000abcd", entries: 0, bytes: 0 }] });
  assertEquals((await bench.client.keys.status()).map(({ id, canDrop }) => [id, canDrop]), [[active, false], [
    other,
    true,
  ]]);
});

Deno.test("keys.status() does not say that a key can be dropped which the server has lost count of", async () => {
  await using bench = new Bench();
  const [active, other] = await bench.ids();
  bench.says({ keys: [{ id: active, entries: 1, bytes: 50 }], otherKeys: { entries: 3, bytes: 150 } });
  const [, status] = await bench.client.keys.status();
  assertEquals(status, {
    id: other,
    isActive: false,
    isHeld: true,
    entries: undefined,
    bytes: undefined,
    canDrop: false,
  });
});

Deno.test("keys.status() takes no counts from a server that has none, or makes some up", async () => {
  await using bench = new Bench();
  const answers = [
    "",
    "no JSON",
    "[]",
    "null",
    "{}",
    '{"keys":7}',
    '{"keys":[7]}',
    '{"keys":[null]}',
    '{"keys":[{"id":"short","entries":1,"bytes":1}]}',
    '{"keys":[{"id":"0000abcd","entries":-1,"bytes":1}]}',
    '{"keys":[{"id":"0000abcd","entries":1.5,"bytes":1}]}',
    '{"keys":[{"id":"0000abcd","entries":"1","bytes":1}]}',
    '{"keys":[{"id":"\\u001b[2J0abcd","entries":1,"bytes":1}]}',
  ];
  for (const answer of answers) {
    bench.server.statistics = answer;
    const error = await assertRejects(() => bench.client.keys.status(), CryptomemError);
    assertEquals(error.code, "INTERNAL", answer);
  }
});

Deno.test("keys.add() lets a client open at once what another key has sealed, without sealing with it", async () => {
  const server = new MemoryServer();
  await using one = server.client();
  await using other = server.client({ keys: { active: OTHER } });
  await other.set("k", "sealed by the other");
  assertEquals((await one.open("k")).status, "unknown-key");
  const id = await one.keys.add(OTHER);
  assertEquals(await one.get("k"), "sealed by the other");
  await one.set("k", "sealed by one");
  assertEquals((await other.open("k")).status, "unknown-key");
  await one.keys.promote(id);
  await one.set("k", "sealed by one");
  assertEquals(await other.get("k"), "sealed by one");
});

Deno.test("keys of a client without any, and of one with Fernet's, are refused", async () => {
  const server = new MemoryServer();
  await using without = new Client("memory", { connect: server.connect });
  await using fernet = server.client({ fernet: { key: "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" } });
  for (const { keys } of [without, fernet]) {
    for (const call of [() => keys.list(), () => keys.add(KEY), () => keys.status(), () => keys.drop("0000abcd")]) {
      await assertRejects(call, TypeError, "Cannot use the keys of this client");
    }
  }
});

Deno.test("keys refuses what is no key id", async () => {
  await using bench = new Bench();
  for (const id of ["", "abc", "0000ABCD", "0000abcd ", KEY, 7 as unknown as string]) {
    await assertRejects(() => bench.client.keys.promote(id), TypeError, "8 hexadecimal digits");
    await assertRejects(() => bench.client.keys.drop(id), TypeError, "8 hexadecimal digits");
  }
});
