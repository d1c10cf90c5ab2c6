/**
 * Keys and names of clients over real TCP: rotation while programs run, sealing anew on read, namespaces, blinded names,
 * sealed expiry, Fernet, and what refuses to go together.
 *
 * @module
 */

import { assert, assertEquals, assertLessOrEqual, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { Client, type ClientOptions, CryptomemError, IntegrityError, namespaceKey } from "../../client.ts";
import { serve } from "../../server.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { LyingStore } from "../support/lying_store.ts";
import { canListen } from "../support/permissions.ts";

const ignore = !canListen;
const [OLD, NEW, NAMES] = [3, 5, 7].map((step) => new Uint8Array(32).map((_, i) => step * i + step));
const FERNET = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

interface Stage {
  readonly store: LyingStore;
  client(options?: ClientOptions): Client;
}

function specify(name: string, run: (stage: Stage) => Promise<void>): void {
  Deno.test({
    name,
    ignore,
    async fn() {
      const store = new LyingStore();
      await using server = serve({ port: 0, store });
      await using opened = new AsyncDisposableStack();
      await run({
        store,
        client: (options = { key: OLD! }) => opened.use(new Client(`127.0.0.1:${server.address.port}`, options)),
      });
    },
  });
}

async function namesOf(client: Client, prefix = ""): Promise<string[]> {
  return (await Array.fromAsync(client.scan({ prefix, count: 7 }))).map(({ name }) => name).sort();
}

/** Gives what goes on in the background the time that it takes, which is a few answers of the server. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1_000; i++) if (await isSo()) return;
  throw new Error("It did not come about");
}

// Rotation

specify("two programs rotate a key at run time without a read that fails", async ({ client }) => {
  const [one, other] = [client(), client()];
  for (let i = 0; i < 20; i++) await one.set(`k${i}`, i);
  const readAll = async () => {
    for (const each of [one, other]) {
      for (let i = 0; i < 20; i++) assertEquals(await each.get(`k${i}`), i);
    }
  };
  const old = (await one.keys.list())[0]!.id;
  const added = await Promise.all([one.keys.add(NEW!), other.keys.add(NEW!)]);
  assertEquals(added[0], added[1]);
  await readAll();
  await one.keys.promote(added[0]!);
  await one.set("k0", 0);
  await readAll();
  await other.keys.promote(added[0]!);
  for (let i = 1; i < 20; i++) await other.set(`k${i}`, i);
  for (const each of [one, other]) {
    const status = (await each.keys.status()).find(({ id }) => id === old)!;
    assertEquals([status.entries, status.canDrop, status.isActive, status.isHeld], [0, true, false, true]);
    await each.keys.drop(old);
  }
  await readAll();
  assertEquals(await one.keys.list(), [{ id: added[0]!, isActive: true }]);
});

specify("keys.status counts entries and bytes of each key, also of those that are not held", async ({ client }) => {
  const one = client(), stranger = client({ key: NEW! });
  await one.set("a", "12345");
  await one.set("b", "");
  await stranger.set("c", "");
  const [own] = await one.keys.list(), [foreign] = await stranger.keys.list();
  assertEquals(await one.keys.status(), [
    { id: own!.id, isActive: true, isHeld: true, entries: 2, bytes: 46 + 5 + 46, canDrop: false },
    { id: foreign!.id, isActive: false, isHeld: false, entries: 1, bytes: 46, canDrop: false },
  ]);
});

specify(
  "a key cannot be added twice, promoted or dropped if it is not held, or dropped while it seals",
  async ({ client }) => {
    const one = client();
    const [own] = await one.keys.list();
    await assertRejects(() => one.keys.add(OLD!), RangeError);
    await assertRejects(() => one.keys.promote("00000000"), RangeError);
    await assertRejects(() => one.keys.drop("00000000"), RangeError);
    await assertRejects(() => one.keys.drop(own!.id), RangeError);
    const error = await assertRejects(() => one.keys.drop("cmk1_a-key-taken-for-its-id"), TypeError);
    assert(!error.message.includes("cmk1_"));
  },
);

specify(
  "with resealOnRead a value read once is sealed with the active key, and lives no longer for it",
  async ({ client }) => {
    const writer = client();
    await writer.set("k", { n: 1 }, { ttl: "1h" });
    await writer.set("eternal", 1);
    const reader = client({ keys: { active: NEW!, openOnly: [OLD!] }, resealOnRead: true });
    const [active] = await reader.keys.list();
    const before = (await writer.ttl("k"))!;
    assertEquals([await reader.get("k"), await reader.get("eternal")], [{ n: 1 }, 1]);
    await until(async () => (await reader.keys.status()).find(({ id }) => id === active!.id)!.entries === 2);
    const after = (await reader.ttl("k"))!;
    assertLessOrEqual(after, before);
    assert(after > 3_590_000);
    assertEquals(await reader.ttl("eternal"), null);
    assertEquals(await reader.get("k"), { n: 1 });
    assertEquals((await reader.open("k") as { keyId: string }).keyId, active!.id);
  },
);

specify("sealing anew on read does not overwrite what somebody has stored meanwhile", async ({ client }) => {
  const writer = client(), reader = client({ keys: { active: NEW!, openOnly: [OLD!] }, resealOnRead: true });
  for (let round = 0; round < 50; round++) {
    await writer.set("k", "old");
    await Promise.all([reader.get("k"), writer.set("k", round)]);
    // The reader's background work is behind this in its pipeline or over.
    await reader.ping();
    assertEquals(await reader.get("k"), round);
  }
});

// Namespaces and names

specify("a namespace's entries are its own: to get, to scan, to clear", async ({ client }) => {
  const [a, b, none] = ["a", "b", ""].map((namespace) => client({ key: OLD!, namespace }));
  await a!.set("k", "of a");
  await b!.set("k", "of b");
  await none!.set("k", "of none");
  assertEquals([await a!.get("k"), await b!.get("k"), await none!.get("k")], ["of a", "of b", "of none"]);
  // The same place on the server, and yet another: the namespace is sealed in.
  assertEquals((await assertRejects(() => none!.get("a:k"), IntegrityError)).code, "TAMPERED");
  assertEquals(await namesOf(a!), ["k"]);
  assertEquals(await namesOf(none!), ["a:k", "b:k", "k"]);
  assertEquals(await a!.clear(), 1);
  assertEquals([await a!.get("k"), await b!.get("k")], [undefined, "of b"]);
});

specify("a namespace's own key opens that namespace and no other", async ({ client }) => {
  const keys = { active: OLD!, perNamespace: true };
  const [a, b] = ["a", "b"].map((namespace) => client({ keys, namespace }));
  await a!.set("k", "of a");
  await b!.set("k", "of b");
  assertNotEquals((await a!.keys.list())[0]!.id, (await b!.keys.list())[0]!.id);
  const tenant = client({ key: await namespaceKey(OLD!, "a"), namespace: "a" });
  assertEquals(await tenant.get("k"), "of a");
  const intruder = client({ key: await namespaceKey(OLD!, "a"), namespace: "b" });
  assertEquals((await assertRejects(() => intruder.get("k"), IntegrityError)).code, "UNKNOWN_KEY");
});

specify("blinded names show to who holds the keys, as stand-ins to who does not", async ({ store, client }) => {
  const blindNames = { keys: { active: OLD!, names: NAMES! }, blindNames: true, namespace: "app" };
  const holder = client(blindNames), again = client(blindNames), without = client({ namespace: "app" });
  const names = Array.from({ length: 40 }, (_, i) => `user:${i}@example.org`);
  for (const name of names) await holder.set(name, { name });
  assertEquals(await namesOf(again), names.toSorted());
  assertEquals(await namesOf(again, "user:1"), names.filter((name) => name.startsWith("user:1")).sort());
  assertEquals(await again.get("user:7@example.org"), { name: "user:7@example.org" });
  for (const { name, isOpened } of await Array.fromAsync(without.scan())) {
    assert(!isOpened && /^[\w-]{22}$/.test(name), name);
  }
  assert(store.history.every(({ key }) => /^app:[\w-]{22}$/.test(key)));
  assertEquals(await holder.delete("user:7@example.org"), true);
  await assertRejects(() => holder.clear("user:"), TypeError, "blinded");
  assertEquals(await holder.clear(), 39);
});

specify("blinded names do not move when the value key is rotated", async ({ client }) => {
  const before = client({ keys: { active: OLD!, names: NAMES! }, blindNames: true });
  await before.set("k", 1);
  const after = client({ keys: { active: NEW!, openOnly: [OLD!], names: NAMES! }, blindNames: true });
  assertEquals(await after.get("k"), 1);
});

specify(
  "every call works on blinded, padded, compressed, monotonic values that bind their expiry",
  async ({ client }) => {
    const one = client({
      keys: { active: OLD!, names: NAMES! },
      namespace: "all",
      ...{ blindNames: true, compression: true, fresh: true, monotonic: true, bindExpiry: true, resealOnRead: true },
    });
    const ttl = "1h", value = { text: "again and ".repeat(200) };
    await one.set("k", value, { ttl });
    assertEquals(await one.get("k"), value);
    assertEquals([await one.add("k", 1, { ttl }), await one.replace("k", 1, { ttl })], [false, true]);
    assertEquals(await one.increment("k"), 2);
    assertEquals(await one.update<number>("k", (n = 0) => n * 21), 42);
    assertEquals(await one.rename("k", "there"), true);
    assertEquals([await one.exists("k"), await one.exists("there")], [false, true]);
    assertEquals(await namesOf(one), ["there"]);
    assertEquals(await one.touch("there", "1m"), true);
    assert((await one.ttl("there"))! <= 60_000);
    assertEquals(await one.take("there"), 42);
    await assertRejects(() => one.set("k", 1), TypeError, "ttl");
  },
);

specify("padding shows the server buckets, compression shorter values", async ({ store, client }) => {
  const padded = client({ key: OLD!, padding: true }), compressed = client({ key: OLD!, compression: true });
  const length = () => store.history.at(-1)!.value.length;
  for (const text of ["", "a", "a".repeat(62)]) {
    await padded.set("k", text);
    assertEquals([length(), await padded.get("k")], [64 + 45, text]);
  }
  await padded.set("k", "a".repeat(63));
  assertEquals(length(), 72 + 45);
  await compressed.set("k", "a".repeat(10_000));
  assert(length() <= 64 + 45);
  assertEquals(await client().get("k"), "a".repeat(10_000));
});

// Expiry

Deno.test({
  name: "a sealed expiry ends a value that the server keeps, and touch can only shorten it",
  ignore,
  async fn() {
    const clock = new FakeClock();
    await using server = serve({ port: 0 });
    await using client = new Client(`127.0.0.1:${server.address.port}`, { key: OLD!, clock });
    await client.set("k", 1, { ttl: "1m", bindExpiry: true });
    await client.touch("k", null);
    clock.advance(89_999);
    assertEquals(await client.get("k"), 1);
    clock.advance(2);
    assertEquals((await assertRejects(() => client.get("k"), CryptomemError)).code, "EXPIRED");
    await client.set("k", 2, { ttl: "1m" });
    clock.advance(1e9);
    assertEquals(await client.get("k"), 2);
  },
});

// Fernet

specify(
  "Fernet clients share text and bytes, rotate by a list of keys, and are told what cannot be",
  async ({ store, client }) => {
    const one = client({ fernet: { key: FERNET } });
    await one.set("k", "shared");
    assert(new TextDecoder().decode(store.history[0]!.value).startsWith("gAAAAA"));
    const rotated = client({ fernet: { key: ["HBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQAfHh0=", FERNET] } });
    assertEquals(await rotated.get("k"), "shared");
    assertEquals(await rotated.rename("k", "there"), true);
    assertEquals(await rotated.get("there"), "shared");
    await one.set("bytes", Uint8Array.of(255, 0));
    assertEquals(await one.get("bytes"), Uint8Array.of(255, 0));
    await assertRejects(() => one.increment("n"), TypeError, "Fernet");
    await assertRejects(() => one.keys.list(), TypeError, "Fernet");
    assertEquals((await one.open("there")).status, "tampered");
    assertEquals((await client().open("k")).status, "missing");
  },
);

// What does not go together

const MISFITS: readonly (readonly [options: ClientOptions, message: string])[] = [
  [{ key: OLD!, keys: { active: NEW! } }, "key and keys"],
  [{ keys: {} as { active: string } }, "active"],
  [{ key: OLD!, blindNames: true }, "keys.names"],
  [{ key: OLD!, compression: true, padding: false }, "padding"],
  [{ fernet: { key: FERNET }, key: OLD! }, "fernet"],
  [{ fernet: { key: FERNET }, monotonic: true }, "Fernet"],
  [{ fernet: { key: FERNET }, bindExpiry: true }, "Fernet"],
  [{ padding: true }, "without a key"],
  [
    { keys: { active: OLD!, names: NAMES! }, blindNames: true, migration: { readPlaintextUntil: "2026-12-31" } },
    "clear",
  ],
];
for (const [options, message] of MISFITS) {
  Deno.test(`Client refuses options that do not go together: ${Object.keys(options).join(", ")}`, () => {
    assertThrows(() => new Client("localhost", options), TypeError, message);
  });
}

const WRONG_KEYS: readonly (readonly [name: string, options: ClientOptions])[] = [
  ["31 bytes", { key: new Uint8Array(31) }],
  ["33 bytes", { key: new Uint8Array(33) }],
  ["31 characters", { key: "x".repeat(31) }],
  ["a cut cmk1_", { key: "cmk1_AAECAwQFBgcICQoLDA0ODxAREhMUFRY" }],
  ["a short salt", { key: { passphrase: "correct horse", salt: new Uint8Array(15), iterations: 600_000 } }],
  ["1,000 iterations", { key: { passphrase: "correct horse", salt: new Uint8Array(16), iterations: 1_000 } }],
  ["no Fernet key", { fernet: { key: "short" } }],
];
for (const [name, options] of WRONG_KEYS) {
  Deno.test(`attack 20: Client refuses a key of ${name} when it is made, and shows none of it`, () => {
    const error = assertThrows(() => new Client("localhost", options)) as Error;
    assert(error instanceof RangeError || error instanceof TypeError);
    assert(!/xxx|AAEC|horse|short"/.test(error.message), error.message);
  });
}

specify("two keys with one id are refused by every call that seals or opens", async ({ client }) => {
  const twice = client({ keys: { active: OLD!, openOnly: [OLD!] } });
  await client().set("k", "v");
  await assertRejects(() => twice.set("k", 1), RangeError);
  await assertRejects(() => twice.get("k"), RangeError);
});

specify("a passphrase is a key, the same in every program that knows its salt", async ({ client }) => {
  const key = { passphrase: "correct horse battery staple", salt: "AAECAwQFBgcICQoLDA0ODw", iterations: 600_000 };
  await client({ key }).set("k", "v");
  assertEquals(await client({ key }).get("k"), "v");
  const other = client({ key: { ...key, passphrase: "Correct horse battery staple" } });
  assertEquals((await other.open("k")).status, "unknown-key");
});
