import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { keyIdText } from "../../lib/crypto/envelope_header.ts";
import { Keyring, type KeySource, namespaceKey } from "../../lib/crypto/keyring.ts";
import vectors from "../vectors/envelope_v1.json" with { type: "json" };
import { bytes, hex, KEY, keyringOf, OTHER_KEY } from "./sealers.ts";

const THIRD_KEY = new Uint8Array(32).map((_, i) => 13 * i);

async function idOf(key: KeySource): Promise<number> {
  return (await keyringOf(key)).active.id;
}

Deno.test("Keyring.create() gives the key ids of the vectors", async () => {
  const [first, second] = vectors.keyring;
  const keyring = await keyringOf(hex(first!.root), hex(second!.root));
  assertEquals(keyIdText(keyring.active.id), first!.keyId);
  assertEquals(keyring.list().map(({ id }) => keyIdText(id)), [first!.keyId, second!.keyId]);
  assertEquals(keyring.active.idBytes, hex(first!.keyId));
});

Deno.test("Keyring.create() takes a key in every form for the same key", async () => {
  const text = `cmk1_${KEY.toBase64({ alphabet: "base64url", omitPadding: true })}`;
  assertEquals(await idOf(text), await idOf(KEY));
  assertEquals(await idOf("abcdefghijklmnopqrstuvwxyz012345"), await idOf(bytes("abcdefghijklmnopqrstuvwxyz012345")));
});

Deno.test("Keyring.create() throws at once at a key without a form, in any place", () => {
  assertThrows(() => keyringOf("too short"), RangeError, "Cannot use key");
  assertThrows(() => keyringOf(KEY, "too short"), RangeError, "Cannot use key");
  assertThrows(() => keyringOf(undefined as unknown as string), TypeError, "Cannot use key");
  const weak = { passphrase: "p", salt: new Uint8Array(16), iterations: 1 };
  assertThrows(() => keyringOf(KEY, weak), RangeError, "Cannot use passphrase");
});

Deno.test("Keyring.create() refuses one key twice", async () => {
  const message = `two keys of the id ${keyIdText(await idOf(KEY))}`;
  await assertRejects(() => keyringOf(KEY, KEY), RangeError, message);
  await assertRejects(() => keyringOf(OTHER_KEY, KEY, new Uint8Array(KEY)), RangeError, message);
});

Deno.test("Keyring.create() leaves the caller's keys as they are", async () => {
  const [active, openOnly] = [new Uint8Array(KEY), new Uint8Array(OTHER_KEY)];
  await keyringOf(active, openOnly);
  assertEquals([active, openOnly], [KEY, OTHER_KEY]);
});

Deno.test("Keyring finds what it holds, by id, and nothing else", async () => {
  const keyring = await keyringOf(KEY, OTHER_KEY);
  assertEquals(keyring.find(await idOf(KEY)), keyring.active);
  assertEquals(keyring.find(await idOf(OTHER_KEY))?.id, await idOf(OTHER_KEY));
  assertEquals(keyring.find(await idOf(THIRD_KEY)), undefined);
});

Deno.test("Keyring rotates: add open-only, promote, drop", async () => {
  const keyring = await keyringOf(KEY);
  const [old, next] = [keyring.active.id, await keyring.add(OTHER_KEY)];
  assertEquals(keyring.list(), [{ id: old, isActive: true }, { id: next, isActive: false }]);
  keyring.promote(next);
  assertEquals(keyring.active.id, next);
  assertEquals(keyring.list(), [{ id: old, isActive: false }, { id: next, isActive: true }]);
  keyring.drop(old);
  assertEquals(keyring.list(), [{ id: next, isActive: true }]);
  assertEquals([keyring.find(old), keyring.wasDropped(old), keyring.wasDropped(next)], [undefined, true, false]);
});

Deno.test("Keyring takes a dropped key back", async () => {
  const keyring = await keyringOf(KEY, OTHER_KEY);
  const id = await idOf(OTHER_KEY);
  keyring.drop(id);
  assertEquals(await keyring.add(OTHER_KEY), id);
  assertEquals([keyring.find(id)?.id, keyring.wasDropped(id)], [id, false]);
});

Deno.test("Keyring refuses to add a key that it holds, also when both come at once", async () => {
  const keyring = await keyringOf(KEY);
  await assertRejects(() => keyring.add(KEY), RangeError, "two keys of the id");
  const added = await Promise.allSettled([keyring.add(OTHER_KEY), keyring.add(OTHER_KEY)]);
  assertEquals(added.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  assertEquals(keyring.list().length, 2);
  assertThrows(() => keyring.add("too short"), RangeError, "Cannot use key");
});

Deno.test("Keyring refuses to promote or drop a key that it does not hold, or to drop the active one", async () => {
  const keyring = await keyringOf(KEY);
  assertThrows(() => keyring.promote(7), RangeError, "Cannot promote key 00000007: it is not held");
  assertThrows(() => keyring.drop(7), RangeError, "Cannot drop key 00000007: it is not held");
  assertThrows(() => keyring.drop(keyring.active.id), RangeError, "it is the active one; promote another first");
  assertEquals(keyring.wasDropped(7), false);
});

Deno.test("Keyring remembers the last 1,024 ids that were dropped", async () => {
  const keyring = await keyringOf(KEY);
  const ids: number[] = [];
  for (let i = 0; i < 1_025; i++) {
    const key = new Uint8Array(32);
    new DataView(key.buffer).setUint32(0, i);
    ids.push(await keyring.add(key));
    keyring.drop(ids[i]!);
  }
  assertEquals(ids.filter((id) => !keyring.wasDropped(id)), [ids[0]]);
});

Deno.test("perNamespace gives each namespace other keys, whose ids differ too", async () => {
  const create = (namespace: string) => Keyring.create({ active: KEY, perNamespace: true }, bytes(namespace));
  const ids = [await idOf(KEY)];
  for (const namespace of ["", "app", "app2"]) ids.push((await create(namespace)).active.id);
  assertEquals(new Set(ids).size, 4);
  assertEquals((await create("app")).active.id, ids[2]);
});

Deno.test("perNamespace holds for keys that are added later, and for a namespace that is changed meanwhile", async () => {
  const namespace = bytes("app");
  const keyring = await Keyring.create({ active: KEY, perNamespace: true }, namespace);
  namespace.fill(0);
  assertEquals(await keyring.add(OTHER_KEY), await idOf(await namespaceKey(OTHER_KEY, "app")));
});

Deno.test("namespaceKey() is the key that perNamespace uses, and does not lead to another namespace's", async () => {
  const whole = await Keyring.create({ active: KEY, perNamespace: true }, bytes("app"));
  const part = await namespaceKey(KEY, "app");
  assertEquals(await idOf(part), whole.active.id);
  assertEquals(part.length, 32);
  assertNotEquals(part, await namespaceKey(KEY, "app2"));
  assertNotEquals(await namespaceKey(part, "app2"), await namespaceKey(KEY, "app2"));
});

Deno.test("namespaceKey() throws at once at what cannot be one", () => {
  assertThrows(() => namespaceKey("too short", "app"), RangeError, "Cannot use key");
  assertThrows(() => namespaceKey(KEY, "\ud800"), RangeError, "lone surrogate");
});

Deno.test("no key's bytes can be reached through a keyring", async () => {
  const keyring = await keyringOf(KEY);
  const shown = Deno.inspect(keyring, { depth: 20, showHidden: true }) + JSON.stringify(keyring);
  assert(!shown.includes(KEY.toHex()) && !shown.includes(KEY.slice(0, 8).join(", ")), shown);
});
