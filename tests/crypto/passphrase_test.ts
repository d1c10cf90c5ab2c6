import { assert, assertEquals, assertThrows } from "@std/assert";
import { keyIdText } from "../../lib/crypto/envelope_header.ts";
import { type PassphraseKey, readPassphrase } from "../../lib/crypto/passphrase.ts";
import vectors from "../vectors/envelope_v1.json" with { type: "json" };
import { hex, keyringOf } from "./sealers.ts";

const SALT = hex("000102030405060708090a0b0c0d0e0f");
const GOOD: PassphraseKey = { passphrase: "correct horse battery staple", salt: SALT, iterations: 600_000 };

Deno.test("readPassphrase() derives the root of the vector, and a keyring its key id", async () => {
  const { passphrase, saltHex, iterations, root, keyId } = vectors.passphrase;
  const key = { passphrase, salt: hex(saltHex), iterations };
  assertEquals((await readPassphrase(key)()).toHex(), root);
  assertEquals(keyIdText((await keyringOf(key)).active.id), keyId);
});

Deno.test("readPassphrase() takes the salt as base64url, with and without a rest", async () => {
  const expected = await readPassphrase(GOOD)();
  assertEquals(await readPassphrase({ ...GOOD, salt: "AAECAwQFBgcICQoLDA0ODw" })(), expected);
  const longer = hex(SALT.toHex() + "ff10");
  assertEquals(
    await readPassphrase({ ...GOOD, salt: "AAECAwQFBgcICQoLDA0OD_8Q" })(),
    await readPassphrase({ ...GOOD, salt: longer })(),
  );
});

Deno.test("readPassphrase() derives a salt from a namespace as SHA-256 of its domain and the name", async () => {
  const salt = new Uint8Array(
    await crypto.subtle.digest("SHA-256", new TextEncoder().encode("cryptomem/pbkdf2acme-prod")),
  );
  assertEquals(
    await readPassphrase({ ...GOOD, salt: { namespace: "acme-prod" } })(),
    await readPassphrase({ ...GOOD, salt })(),
  );
});

Deno.test("readPassphrase() takes texts that look the same for the same", async () => {
  const composed = await readPassphrase({ ...GOOD, passphrase: "caf\u00e9" })();
  assertEquals(await readPassphrase({ ...GOOD, passphrase: "cafe\u0301" })(), composed);
});

Deno.test("readPassphrase() depends on every part", async () => {
  const roots = await Promise.all([
    GOOD,
    { ...GOOD, passphrase: "correct horse battery stapler" },
    { ...GOOD, salt: hex("000102030405060708090a0b0c0d0e10") },
    { ...GOOD, iterations: 600_001 },
  ].map((key) => readPassphrase(key)()));
  assertEquals(new Set(roots.map((root) => root.toHex())).size, 4);
});

Deno.test("readPassphrase() reads the salt before it returns", async () => {
  const salt = new Uint8Array(SALT);
  const root = readPassphrase({ ...GOOD, salt });
  salt.fill(0);
  assertEquals((await root()).toHex(), vectors.passphrase.root);
});

const REFUSED: [name: string, key: unknown, type: typeof TypeError, message: string][] = [
  ["a passphrase that is no text", { ...GOOD, passphrase: 7 }, TypeError, "it is not a text"],
  ["an empty passphrase", { ...GOOD, passphrase: "" }, RangeError, "it is empty"],
  ["a lone surrogate", { ...GOOD, passphrase: "ab\ud800" }, RangeError, "lone surrogate"],
  ["no iterations", { ...GOOD, iterations: undefined }, RangeError, "iterations is undefined"],
  ["1,000 iterations", { ...GOOD, iterations: 1_000 }, RangeError, "iterations is 1000, "],
  ["599,999 iterations", { ...GOOD, iterations: 599_999 }, RangeError, "from 600000 to 10000000"],
  ["600,000.5 iterations", { ...GOOD, iterations: 600_000.5 }, RangeError, "iterations is 600000.5"],
  ["so many iterations that it would hang", { ...GOOD, iterations: 10_000_001 }, RangeError, "iterations is 10000001"],
  ["infinitely many", { ...GOOD, iterations: Infinity }, RangeError, "iterations is Infinity"],
  ["iterations as a text", { ...GOOD, iterations: "600000" }, RangeError, "whole number"],
  ["no salt", { ...GOOD, salt: undefined }, TypeError, "keygen --passphrase"],
  ["a salt that is null", { ...GOOD, salt: null }, TypeError, "keygen --passphrase"],
  ["a salt of 15 bytes", { ...GOOD, salt: SALT.subarray(1) }, RangeError, "15 bytes, and needs at least 16"],
  ["a salt of 15 bytes in base64url", { ...GOOD, salt: "AAECAwQFBgcICQoLDA0O" }, RangeError, "15 bytes"],
  ["an empty salt", { ...GOOD, salt: "" }, RangeError, "not base64url"],
  ["a salt of spaces", { ...GOOD, salt: "AAECAwQFBgcICQoLDA0ODw\n" }, RangeError, "not base64url"],
  ["a salt in the other base64", { ...GOOD, salt: "AAECAwQFBgcICQoLDA0OD/8Q" }, RangeError, "not base64url"],
  ["a salt that ends within a byte", { ...GOOD, salt: "AAECAwQFBgcICQoLDA0ODx" }, RangeError, "not base64url"],
  ["a namespace that is no text", { ...GOOD, salt: { namespace: 1 } }, TypeError, "{ namespace }"],
  ["an empty namespace", { ...GOOD, salt: { namespace: "" } }, RangeError, "namespace"],
  ["a namespace with a lone surrogate", { ...GOOD, salt: { namespace: "\udc00" } }, RangeError, "namespace"],
];

for (const [name, key, type, message] of REFUSED) {
  Deno.test(`readPassphrase() refuses ${name} at once, without showing the passphrase`, () => {
    const error = assertThrows(() => readPassphrase(key as PassphraseKey), type, "Cannot use passphrase: ");
    assert(error.message.includes(message), error.message);
    assert(!error.message.includes(GOOD.passphrase));
  });
}
