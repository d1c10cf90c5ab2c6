import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { MAX_NATIVE_CIPHER_BYTES } from "../../lib/limits.ts";
import { encryptAesBlock } from "../../lib/crypto/subtle.ts";
import { double, subkeyBytes, Xaes } from "../../lib/crypto/xaes.ts";
import { readVectors, vectorTest } from "../support/vectors.ts";
import { hex } from "./sealers.ts";

interface XaesVectors {
  vectors: Record<"key" | "nonce" | "L" | "K1" | "Kx" | "plaintext" | "aad" | "ciphertext", string>[];
  accumulated: { iterations: { "10000": string } };
}

const NOTHING = new Uint8Array(0);

function blockKey(bytes: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", bytes, "AES-CBC", false, ["encrypt"]);
}

async function someCipher(): Promise<Xaes> {
  return await Xaes.create(await blockKey(new Uint8Array(32).fill(7)));
}

function nonceOf(prefix: number): Uint8Array<ArrayBuffer> {
  const nonce = new Uint8Array(24);
  new DataView(nonce.buffer).setUint32(0, prefix);
  return nonce;
}

vectorTest("Xaes passes the vectors of C2SP with every intermediate value", async () => {
  const { vectors } = await readVectors<XaesVectors>("xaes/xaes256gcm.json");
  assertEquals(vectors.length, 2);
  for (const vector of vectors) {
    const key = await blockKey(hex(vector.key));
    const block = await encryptAesBlock(key, new Uint8Array(16));
    assertEquals(block.toHex(), vector.L);
    const mask = double(block);
    assertEquals(mask.toHex(), vector.K1);
    assertEquals((await subkeyBytes(key, mask, hex(vector.nonce))).toHex(), vector.Kx);
    const cipher = await Xaes.create(key);
    const ciphertext = await cipher.seal(hex(vector.nonce), hex(vector.aad), hex(vector.plaintext));
    assertEquals(ciphertext.toHex(), vector.ciphertext);
    assertEquals((await cipher.open(hex(vector.nonce), hex(vector.aad), ciphertext))?.toHex(), vector.plaintext);
  }
});

vectorTest("Xaes passes the 10,000 accumulated vectors of C2SP", async () => {
  const { accumulated } = await readVectors<XaesVectors>("xaes/xaes256gcm.json");
  const iterations = 10_000;
  // Each iteration reads a key, a nonce, and two texts of up to 255 bytes with their lengths.
  const stream = createHash("shake128", { outputLength: iterations * (32 + 24 + 2 * 256) }).digest();
  let at = 0;
  const read = (length: number) => new Uint8Array(stream.subarray(at, at += length));
  const results = createHash("shake128", { outputLength: 32 });
  for (let i = 0; i < iterations; i++) {
    const key = await blockKey(read(32));
    const nonce = read(24);
    const plaintext = read(stream[at++]!);
    const associatedData = read(stream[at++]!);
    results.update(await (await Xaes.create(key)).seal(nonce, associatedData, plaintext));
  }
  assertEquals(results.digest("hex"), accumulated.iterations["10000"]);
});

Deno.test("double() multiplies by x, with reduction exactly when the first bit is set", () => {
  assertEquals(double(hex("00000000000000000000000000000001")).toHex(), "00000000000000000000000000000002");
  assertEquals(double(hex("00800000000000000000000000000080")).toHex(), "01000000000000000000000000000100");
  assertEquals(double(hex("80000000000000000000000000000000")).toHex(), "00000000000000000000000000000087");
  assertEquals(double(hex("ffffffffffffffffffffffffffffffff")).toHex(), "ffffffffffffffffffffffffffffff79");
});

Deno.test("Xaes opens what it sealed at every size around the block", async () => {
  const cipher = await someCipher();
  for (const size of [0, 1, 15, 16, 17, 31, 32, 33, 255, 256, 4095, 4096, 4097, 65_537]) {
    const plaintext = new Uint8Array(size).map((_, i) => i);
    const nonce = nonceOf(size);
    const ciphertext = await cipher.seal(nonce, new Uint8Array(size % 40), plaintext);
    assertEquals(ciphertext.length, size + 16);
    assertEquals(await cipher.open(nonce, new Uint8Array(size % 40), ciphertext), plaintext);
    assertEquals(await cipher.open(nonce, new Uint8Array(size % 40 + 1), ciphertext), undefined);
  }
});

Deno.test("Xaes keeps at most 256 subkeys, whatever prefixes it is given", async () => {
  const cipher = await someCipher();
  const garbage = new Uint8Array(40);
  for (let round = 0; round < 4; round++) {
    const opened = Array.from({ length: 500 }, (_, i) => cipher.open(nonceOf(round * 500 + i), garbage, garbage));
    assert(cipher.cachedSubkeys <= 256);
    assertEquals((await Promise.all(opened)).filter((plaintext) => plaintext !== undefined), []);
  }
  assertEquals(cipher.cachedSubkeys, 256);
});

Deno.test("Xaes keeps the subkeys that were used last", async () => {
  const cipher = await someCipher();
  const derivations = (prefix: number) => countDerivations(() => cipher.seal(nonceOf(prefix), NOTHING, NOTHING));
  for (let prefix = 0; prefix < 256; prefix++) assertEquals(await derivations(prefix), 1);
  assertEquals(await derivations(0), 0); // from now on, 1 is the one that was not used for longest
  assertEquals(await derivations(256), 1);
  assertEquals(await derivations(0), 0);
  assertEquals(await derivations(1), 1);
});

Deno.test("Xaes derives the subkey of a new prefix once for any number of calls at once", async () => {
  const cipher = await someCipher();
  const calls = () => Promise.all(Array.from({ length: 100 }, () => cipher.seal(nonceOf(1), NOTHING, NOTHING)));
  assertEquals(await countDerivations(calls), 1);
});

Deno.test("Xaes answers at once to a short text under a prefix in use, and with a promise otherwise", async () => {
  const cipher = await someCipher();
  const short = new Uint8Array(MAX_NATIVE_CIPHER_BYTES);
  const long = new Uint8Array(MAX_NATIVE_CIPHER_BYTES + 1);
  const first = cipher.seal(nonceOf(1), NOTHING, short);
  assertInstanceOf(first, Promise);
  const expected = await first;
  const sealed = cipher.seal(nonceOf(1), NOTHING, short);
  assertInstanceOf(sealed, Uint8Array);
  assertEquals(sealed, expected);
  assertEquals(cipher.open(nonceOf(1), NOTHING, sealed), short);
  const sealedLong = cipher.seal(nonceOf(1), NOTHING, long);
  assertInstanceOf(sealedLong, Promise);
  const openedLong = cipher.open(nonceOf(1), NOTHING, await sealedLong);
  assertInstanceOf(openedLong, Promise);
  assertEquals(await openedLong, long);
});

Deno.test("Xaes tries a derivation again that failed", async () => {
  const cipher = await someCipher();
  const encrypt = crypto.subtle.encrypt;
  crypto.subtle.encrypt = () => Promise.reject(new DOMException("out of memory", "OperationError"));
  try {
    await assertRejects(() => Promise.resolve(cipher.seal(nonceOf(1), NOTHING, NOTHING)), DOMException);
  } finally {
    crypto.subtle.encrypt = encrypt;
  }
  assertEquals(cipher.cachedSubkeys, 0);
  assertEquals((await cipher.seal(nonceOf(1), NOTHING, NOTHING)).length, 16);
});

/** A derivation is two blocks of AES-CBC, and nothing else is: counting them tells a subkey made from one kept. */
async function countDerivations(action: () => unknown): Promise<number> {
  const encrypt = crypto.subtle.encrypt;
  let blocks = 0;
  crypto.subtle.encrypt = (algorithm, ...rest) => {
    if ((algorithm as Algorithm).name === "AES-CBC") blocks++;
    return encrypt.call(crypto.subtle, algorithm, ...rest);
  };
  try {
    await action();
  } finally {
    crypto.subtle.encrypt = encrypt;
  }
  return blocks / 2;
}
