import { assert, assertEquals, assertMatch, assertNotStrictEquals, assertThrows } from "@std/assert";
import {
  deriveKeys,
  deriveNameKey,
  deriveNamespaceRoot,
  generateKey,
  readKey,
  rootKey,
  weakKeyWarning,
} from "../../lib/crypto/key.ts";
import { hmacSign } from "../../lib/crypto/subtle.ts";
import vectors from "../vectors/envelope_v1.json" with { type: "json" };

const ROOT = Uint8Array.fromHex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
const ROOT_TEXT = "cmk1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

Deno.test("rootKey() takes 32 bytes and copies them", () => {
  const given = new Uint8Array(ROOT);
  const root = rootKey(given);
  assertEquals(root, ROOT);
  assertNotStrictEquals(root, given);
  root.fill(0);
  assertEquals(given, ROOT);
});

Deno.test("rootKey() takes cmk1_ and 43 characters of base64url", () => {
  assertEquals(rootKey(ROOT_TEXT), ROOT);
  assertEquals(rootKey(`cmk1_${"_".repeat(42)}8`), new Uint8Array(32).fill(0xff));
});

Deno.test("rootKey() takes a text of exactly 32 bytes of UTF-8 as it is", () => {
  const text = "your-32-byte-very-secret-key-!!!";
  assertEquals(rootKey(text), new TextEncoder().encode(text));
  assertEquals(rootKey("é".repeat(16)).length, 32);
});

const REFUSED: Record<string, string | Uint8Array> = {
  "no bytes": new Uint8Array(0),
  "31 bytes": new Uint8Array(31),
  "33 bytes": new Uint8Array(33),
  "an empty text": "",
  "a text of 31 bytes": "s".repeat(31),
  "a text of 33 bytes": "s".repeat(33),
  "a text of 32 characters and 64 bytes": "é".repeat(32),
  "a text with a lone surrogate": `${"s".repeat(29)}\ud800`,
  "a key text that was cut to 32 characters": ROOT_TEXT.slice(0, 32),
  "a key text that is one character short": ROOT_TEXT.slice(0, -1),
  "a key text that is one character long": `${ROOT_TEXT}A`,
  "a key text with padding": `${ROOT_TEXT}=`,
  "a key text with white space": ROOT_TEXT.replace("AECA", "A CA"),
  "a key text with a line end": `${ROOT_TEXT}\n`,
  "a key text in the other base64": `cmk1_${"/".repeat(42)}8`,
  "a key text whose last bits are not zero": `${ROOT_TEXT.slice(0, -1)}9`,
  "a key text of another version": ROOT_TEXT.replace("cmk1_", "cmk2_"),
};

for (const [name, key] of Object.entries(REFUSED)) {
  Deno.test(`rootKey() refuses ${name} and names the forms, never the key`, () => {
    const error = assertThrows(() => rootKey(key), RangeError, "Cannot use key");
    assertMatch(error.message, /32 bytes as a Uint8Array.* cmk1_ and 43 .*keygen.*exactly 32 bytes.*passphrase/);
    if (typeof key === "string" && key !== "") assert(!error.message.includes(key));
    assert(!error.message.includes("sss"));
  });
}

Deno.test("rootKey() refuses what is neither bytes nor text", () => {
  for (const key of [undefined, null, 32, {}, new ArrayBuffer(32), new Uint16Array(16), Array(32).fill(1)]) {
    assertThrows(() => rootKey(key as unknown as string), TypeError, "Cannot use key");
  }
});

Deno.test("readKey() refuses a wrong key at once, and gives the root of a right one when asked", async () => {
  assertThrows(() => readKey("too short"), RangeError, "Cannot use key");
  assertThrows(() => readKey(null as unknown as string), TypeError, "Cannot use key");
  const given = new Uint8Array(ROOT);
  const root = readKey(given);
  given.fill(0);
  assertEquals(await root(), ROOT);
});

Deno.test("generateKey() makes a key that rootKey() takes, another each time, never a weak one", () => {
  const keys = Array.from({ length: 100 }, generateKey);
  assertEquals(new Set(keys).size, 100);
  for (const key of keys) assertEquals(weakKeyWarning(rootKey(key)), undefined);
});

Deno.test("weakKeyWarning() notices the key of the documentation", () => {
  assertMatch(weakKeyWarning(rootKey("your-32-byte-very-secret-key-!!!")) ?? "", /documentation.*keygen/);
});

Deno.test("weakKeyWarning() notices fewer than 10 distinct bytes", () => {
  const withDistinct = (count: number) => Uint8Array.from({ length: 32 }, (_, i) => i % count);
  assertMatch(weakKeyWarning(withDistinct(1)) ?? "", /distinct/);
  assertMatch(weakKeyWarning(withDistinct(9)) ?? "", /distinct/);
  assertEquals(weakKeyWarning(withDistinct(10)), undefined);
  assertEquals(weakKeyWarning(ROOT), undefined);
});

Deno.test("deriveKeys() gives the key ids of the vectors and wipes the root", async () => {
  for (const { root, keyId } of vectors.keyring) {
    const bytes = Uint8Array.fromHex(root);
    const keys = await deriveKeys(bytes);
    assertEquals(keys.keyId.toHex(), keyId);
    assertEquals(bytes, new Uint8Array(32));
  }
});

Deno.test("deriveKeys() gives a value key that nobody can read", async () => {
  const { valueKey } = await deriveKeys(rootKey(ROOT));
  assertEquals(valueKey.extractable, false);
  assertEquals(valueKey.usages, ["encrypt"]);
});

Deno.test("deriveNameKey() gives the name keys of the vectors and wipes the root", async () => {
  for (const { root, nameKey } of vectors.keyring) {
    const bytes = Uint8Array.fromHex(root);
    const key = await deriveNameKey(bytes);
    assertEquals(bytes, new Uint8Array(32));
    assertEquals(key.extractable, false);
    const expected = await crypto.subtle.importKey(
      "raw",
      Uint8Array.fromHex(nameKey),
      { name: "HMAC", hash: "SHA-256" },
      false,
      ["sign"],
    );
    assertEquals(await hmacSign(key, ROOT), await hmacSign(expected, ROOT));
  }
});

Deno.test("deriveNamespaceRoot() gives each namespace its own root and wipes the one it came from", async () => {
  const namespaces = ["", "app", "app2", "app:", "\0app", "appapp"];
  const roots = new Set<string>([ROOT.toHex()]);
  for (const namespace of namespaces) {
    const root = rootKey(ROOT);
    roots.add((await deriveNamespaceRoot(root, new TextEncoder().encode(namespace))).toHex());
    assertEquals(root, new Uint8Array(32));
  }
  assertEquals(roots.size, namespaces.length + 1);
});

Deno.test("deriveNamespaceRoot() is HKDF-SHA-256 of what key.ts says", async () => {
  const info = new TextEncoder().encode("namespace\0\0\0\0\x03app");
  const salt = new TextEncoder().encode("cryptomem/v1");
  const material = await crypto.subtle.importKey("raw", ROOT, "HKDF", false, ["deriveBits"]);
  const bits = await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info }, material, 256);
  const root = await deriveNamespaceRoot(rootKey(ROOT), new TextEncoder().encode("app"));
  assertEquals(root, new Uint8Array(bits));
});
