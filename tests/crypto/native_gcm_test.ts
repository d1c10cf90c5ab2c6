import { assert, assertEquals, assertThrows } from "@std/assert";
import { importNativeGcm, nativeGcmOpen, nativeGcmSeal } from "../../lib/crypto/native_gcm.ts";
import { aesGcmOpen, aesGcmSeal, type Bytes, importAesGcm } from "../../lib/crypto/subtle.ts";
import { canRead } from "../support/permissions.ts";
import { readVectors, vectorTest } from "../support/vectors.ts";
import { hex, KEY, sealerOf, slotOf, sourceOf } from "./sealers.ts";
import type { NodelessRequest } from "./nodeless_worker.ts";
import { filesWhoseCodeHas } from "./source_files.ts";

const NONCE = new Uint8Array(12).map((_, i) => i);
const NOTHING = new Uint8Array(0);

Deno.test({
  name: "no file of the client but lib/crypto/native_gcm.ts uses node:crypto",
  ignore: !canRead,
  async fn() {
    const users = await filesWhoseCodeHas(/node:crypto/);
    const ofServer = users.filter((path) => path.startsWith("lib/security/") || path.startsWith("lib/server/"));
    assertEquals(users.filter((path) => !ofServer.includes(path)), ["lib/crypto/native_gcm.ts"]);
  },
});

vectorTest("nativeGcmSeal() and nativeGcmOpen() pass Wycheproof with nonces of 12 bytes", async () => {
  interface Wycheproof {
    testGroups: { ivSize: number; tests: (Record<"key" | "iv" | "aad" | "msg" | "ct" | "tag" | "result", string>)[] }[];
  }
  const { testGroups } = await readVectors<Wycheproof>("wycheproof/aes_gcm_256_test.json");
  let valid = 0, invalid = 0;
  for (const test of testGroups.filter((group) => group.ivSize === 96).flatMap((group) => group.tests)) {
    const key = importNativeGcm(hex(test.key))!;
    const opened = nativeGcmOpen(key, hex(test.iv), hex(test.aad), hex(test.ct + test.tag));
    if (test.result === "valid") {
      valid++;
      assertEquals(opened?.toHex(), test.msg);
      assertEquals(nativeGcmSeal(key, hex(test.iv), hex(test.aad), hex(test.msg)).toHex(), test.ct + test.tag);
    } else {
      invalid++;
      assertEquals(opened, undefined);
    }
  }
  assert(valid > 30 && invalid > 20, `${valid} valid and ${invalid} invalid tests were run`);
});

Deno.test("node:crypto and WebCrypto seal to the same bytes and open each other's", async () => {
  const [native, web] = [importNativeGcm(KEY)!, await importAesGcm(KEY)];
  for (const size of [0, 1, 15, 16, 17, 31, 32, 33, 100, 255, 1000, 2047, 2048, 2049, 4096, 65_537]) {
    const plaintext = new Uint8Array(size).map((_, i) => i * 31);
    for (const associatedData of [NOTHING, plaintext.slice(0, 17), new Uint8Array(300).fill(size)]) {
      const sealed = nativeGcmSeal(native, NONCE, associatedData, plaintext);
      assertEquals(sealed, await aesGcmSeal(web, NONCE, associatedData, plaintext), `${size} bytes`);
      assertEquals(nativeGcmOpen(native, NONCE, associatedData, sealed), plaintext);
      assertEquals(await aesGcmOpen(web, NONCE, associatedData, sealed), plaintext);
    }
  }
});

Deno.test("node:crypto and WebCrypto refuse the same", async () => {
  const [native, web] = [importNativeGcm(KEY)!, await importAesGcm(KEY)];
  const associatedData = hex("00112233");
  const sealed = nativeGcmSeal(native, NONCE, associatedData, new Uint8Array(20));
  const assertBothRefuse = async (nonce: Bytes, data: Bytes, ciphertext: Bytes, note: string) => {
    assertEquals(nativeGcmOpen(native, nonce, data, ciphertext), undefined, note);
    assertEquals(await aesGcmOpen(web, nonce, data, ciphertext), undefined, note);
  };
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    await assertBothRefuse(NONCE, associatedData, withFlipped(sealed, bit), `bit ${bit}`);
  }
  for (let bit = 0; bit < 96; bit++) await assertBothRefuse(withFlipped(NONCE, bit), associatedData, sealed, "nonce");
  for (let bit = 0; bit < 32; bit++) await assertBothRefuse(NONCE, withFlipped(associatedData, bit), sealed, "data");
  for (let length = 0; length < sealed.length; length++) {
    await assertBothRefuse(NONCE, associatedData, sealed.slice(0, length), `cut to ${length}`);
  }
  await assertBothRefuse(NONCE, NOTHING, sealed, "without data");
  await assertBothRefuse(NONCE, associatedData, hex(sealed.toHex() + "00"), "longer");
});

Deno.test("nativeGcmOpen() takes no tag shorter than 16 bytes", () => {
  const key = importNativeGcm(KEY)!;
  const sealed = nativeGcmSeal(key, NONCE, NOTHING, NOTHING);
  assertEquals(sealed.length, 16);
  for (let length = 0; length < 16; length++) {
    assertEquals(nativeGcmOpen(key, NONCE, NOTHING, sealed.slice(0, length)), undefined);
  }
});

Deno.test("nativeGcmSeal() and nativeGcmOpen() throw at a nonce that is none", () => {
  const key = importNativeGcm(KEY)!;
  assertThrows(() => nativeGcmSeal(key, NOTHING, NOTHING, NOTHING), TypeError);
});

Deno.test("nativeGcmOpen() hands on no plaintext that is not authentic, even if asked for it on the way", () => {
  const key = importNativeGcm(KEY)!;
  const sealed = nativeGcmSeal(key, NONCE, NOTHING, new Uint8Array(100).fill(0x41));
  sealed[115]! ^= 1;
  // The decipher's own buffer, which holds the plaintext before the tag is compared, has been wiped by the end.
  const seen = watchingUpdates(() => assertEquals(nativeGcmOpen(key, NONCE, NOTHING, sealed), undefined));
  assertEquals(seen.map((part) => part.length), [100]);
  assert(seen[0]!.every((byte) => byte === 0));
});

Deno.test("importNativeGcm() copies the key, so that it can be wiped", () => {
  const bytes = new Uint8Array(KEY);
  const key = importNativeGcm(bytes)!;
  bytes.fill(0);
  assertEquals(
    nativeGcmSeal(key, NONCE, NOTHING, NONCE),
    nativeGcmSeal(importNativeGcm(KEY)!, NONCE, NOTHING, NONCE),
  );
});

Deno.test({
  name: "a program without node:crypto seals to the same bytes and opens them",
  ignore: !canRead,
  async fn() {
    const nonce = new Uint8Array(24).map((_, i) => i);
    const bodies = [0, 1, 100, 5_000].map((size) => new Uint8Array(size).fill(0x61));
    const slot = slotOf({ namespace: "app", key: "user:1" });
    const expected: Uint8Array[] = [];
    for (const body of bodies) {
      const sealer = await sealerOf(KEY, { randomBytes: sourceOf(nonce) });
      expected.push(await sealer.seal(slot, { type: 0, body }));
    }
    const worker = new Worker(new URL("./nodeless_worker.ts", import.meta.url), { type: "module" });
    const answered = Promise.withResolvers<Uint8Array[]>();
    worker.onmessage = ({ data }) => answered.resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      answered.reject(new Error(event.message));
    };
    worker.postMessage({ key: KEY, nonce, slot, bodies } satisfies NodelessRequest);
    try {
      assertEquals(await answered.promise, expected);
    } finally {
      worker.terminate();
    }
  },
});

function withFlipped(bytes: Uint8Array, bit: number): Bytes {
  const flipped = new Uint8Array(bytes);
  flipped[bit >> 3]! ^= 1 << (bit & 7);
  return flipped;
}

/** Collects what deciphers of node:crypto give out during an action. */
function watchingUpdates(action: () => void): Uint8Array[] {
  const { process } = globalThis as unknown as { process: { getBuiltinModule(name: string): NodeCrypto } };
  const prototype = process.getBuiltinModule("node:crypto").Decipheriv.prototype;
  const update = prototype.update;
  const seen: Uint8Array[] = [];
  prototype.update = function (ciphertext) {
    const plaintext = update.call(this, ciphertext);
    seen.push(plaintext);
    return plaintext;
  };
  try {
    action();
  } finally {
    prototype.update = update;
  }
  return seen;
}

interface NodeCrypto {
  Decipheriv: { prototype: { update(ciphertext: Uint8Array): Uint8Array } };
}
