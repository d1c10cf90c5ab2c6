import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  aesGcmOpen,
  aesGcmSeal,
  hkdfBytes,
  hmacSign,
  hmacVerify,
  importAesGcm,
  importHkdf,
  importHmac,
  pbkdf2,
  sha256,
} from "../../lib/crypto/subtle.ts";
import { canRead } from "../support/permissions.ts";
import { readVectors, vectorTest } from "../support/vectors.ts";
import { hex } from "./sealers.ts";
import { filesWhoseCodeHas } from "./source_files.ts";

interface Wycheproof<Test> {
  testGroups: { ivSize?: number; tests: (Test & { tcId: number; result: "valid" | "invalid" })[] }[];
}

Deno.test({
  name: "no file but lib/crypto/subtle.ts calls crypto.subtle",
  ignore: !canRead,
  async fn() {
    assertEquals(await filesWhoseCodeHas(/\bsubtle\b(?!\.ts")/), ["lib/crypto/subtle.ts"]);
  },
});

vectorTest("aesGcmSeal() and aesGcmOpen() pass Wycheproof with nonces of 12 bytes", async () => {
  type Test = Record<"key" | "iv" | "aad" | "msg" | "ct" | "tag", string>;
  const { testGroups } = await readVectors<Wycheproof<Test>>("wycheproof/aes_gcm_256_test.json");
  let valid = 0, invalid = 0;
  for (const test of testGroups.filter((group) => group.ivSize === 96).flatMap((group) => group.tests)) {
    const key = await importAesGcm(hex(test.key));
    const opened = await aesGcmOpen(key, hex(test.iv), hex(test.aad), hex(test.ct + test.tag));
    if (test.result === "valid") {
      valid++;
      assertEquals(opened?.toHex(), test.msg, `test ${test.tcId}`);
      const sealed = await aesGcmSeal(key, hex(test.iv), hex(test.aad), hex(test.msg));
      assertEquals(sealed.toHex(), test.ct + test.tag, `test ${test.tcId}`);
    } else {
      invalid++;
      assertEquals(opened, undefined, `test ${test.tcId}`);
    }
  }
  assert(valid > 30 && invalid > 20, `${valid} valid and ${invalid} invalid tests were run`);
});

vectorTest("hkdfBytes() passes Wycheproof", async () => {
  type Test = Record<"ikm" | "salt" | "info" | "okm", string> & { size: number };
  const { testGroups } = await readVectors<Wycheproof<Test>>("wycheproof/hkdf_sha256_test.json");
  let run = 0;
  for (const test of testGroups.flatMap((group) => group.tests)) {
    run++;
    const derived = hkdfBytes(await importHkdf(hex(test.ikm)), hex(test.salt), hex(test.info), test.size);
    if (test.result === "valid") assertEquals((await derived).toHex(), test.okm, `test ${test.tcId}`);
    else await assertRejects(() => derived, DOMException);
  }
  assertEquals(run, 86);
});

vectorTest("hkdfBytes() passes RFC 5869", async () => {
  type Test = Record<"ikm" | "salt" | "info" | "okm", string> & { L: number };
  const { vectors } = await readVectors<{ vectors: Test[] }>("kdf/rfc5869_hkdf_sha256.json");
  assertEquals(vectors.length, 3);
  for (const { ikm, salt, info, okm, L } of vectors) {
    assertEquals((await hkdfBytes(await importHkdf(hex(ikm)), hex(salt), hex(info), L)).toHex(), okm);
  }
});

vectorTest("pbkdf2() passes Wycheproof", async () => {
  type Test = Record<"password" | "salt" | "dk", string> & { iterationCount: number; dkLen: number };
  const { testGroups } = await readVectors<Wycheproof<Test>>("wycheproof/pbkdf2_hmacsha256_test.json");
  let run = 0;
  for (const test of testGroups.flatMap((group) => group.tests)) {
    run++;
    const derived = await pbkdf2(hex(test.password), hex(test.salt), test.iterationCount, test.dkLen);
    assertEquals(derived.toHex() === test.dk, test.result === "valid", `test ${test.tcId}`);
  }
  assertEquals(run, 60);
});

vectorTest("hmacSign() and hmacVerify() pass Wycheproof", async () => {
  type Test = Record<"key" | "msg" | "tag", string>;
  const { testGroups } = await readVectors<Wycheproof<Test>>("wycheproof/hmac_sha256_test.json");
  let run = 0;
  for (const test of testGroups.flatMap((group) => group.tests)) {
    run++;
    const key = await importHmac(hex(test.key));
    const tagBytes = test.tag.length / 2;
    const mac = await hmacSign(key, hex(test.msg));
    assertEquals(mac.subarray(0, tagBytes).toHex() === test.tag, test.result === "valid", `test ${test.tcId}`);
    // A shortened tag is no whole one, whatever its bytes.
    const isAccepted = test.result === "valid" && tagBytes === 32;
    assertEquals(await hmacVerify(key, hex(test.tag), hex(test.msg)), isAccepted, `test ${test.tcId}`);
  }
  assertEquals(run, 174);
});

Deno.test("sha256() is SHA-256", async () => {
  const digest = await sha256(new TextEncoder().encode("abc")); // FIPS 180-2, appendix B.1
  assertEquals(digest.toHex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

Deno.test("aesGcmOpen() answers undefined to what does not authenticate, and throws at misuse", async () => {
  const key = await importAesGcm(new Uint8Array(32));
  const none = new Uint8Array(0);
  assertEquals(await aesGcmOpen(key, new Uint8Array(12), none, new Uint8Array(16)), undefined);
  assertEquals(await aesGcmOpen(key, new Uint8Array(12), none, new Uint8Array(15)), undefined);
  assertEquals(await aesGcmOpen(key, new Uint8Array(12), none, none), undefined);
  await assertRejects(() => aesGcmOpen(key, none, none, new Uint8Array(16)), DOMException);
});
