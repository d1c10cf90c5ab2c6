import { assert, assertEquals, assertRejects } from "@std/assert";
import { aesGcmOpen, aesGcmSeal, hkdfBytes, importAesGcm, importHkdf } from "../../lib/crypto/subtle.ts";
import { canRead } from "../support/permissions.ts";
import { readVectors, vectorTest } from "../support/vectors.ts";

interface Wycheproof<Test> {
  testGroups: { ivSize?: number; tests: (Test & { tcId: number; result: "valid" | "invalid" })[] }[];
}

const hex = (text: string) => Uint8Array.fromHex(text);

Deno.test({
  name: "no file but lib/crypto/subtle.ts calls crypto.subtle",
  ignore: !canRead,
  async fn() {
    const root = new URL("../../", import.meta.url);
    const callers: string[] = [];
    for (const path of await sourceFiles(root)) {
      const code = (await Deno.readTextFile(new URL(path, root))).replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
      if (/\bsubtle\b(?!\.ts")/.test(code)) callers.push(path);
    }
    assertEquals(callers, ["lib/crypto/subtle.ts"]);
  },
});

async function sourceFiles(root: URL): Promise<string[]> {
  const paths: string[] = [];
  for await (const entry of Deno.readDir(root)) if (entry.isFile) paths.push(entry.name);
  const folders = ["lib/"];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for await (const entry of Deno.readDir(new URL(folder, root))) {
      if (entry.isDirectory) folders.push(`${folder}${entry.name}/`);
      else paths.push(folder + entry.name);
    }
  }
  return paths.filter((path) => path.endsWith(".ts"));
}

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

Deno.test("aesGcmOpen() answers undefined to what does not authenticate, and throws at misuse", async () => {
  const key = await importAesGcm(new Uint8Array(32));
  const none = new Uint8Array(0);
  assertEquals(await aesGcmOpen(key, new Uint8Array(12), none, new Uint8Array(16)), undefined);
  assertEquals(await aesGcmOpen(key, new Uint8Array(12), none, new Uint8Array(15)), undefined);
  assertEquals(await aesGcmOpen(key, new Uint8Array(12), none, none), undefined);
  await assertRejects(() => aesGcmOpen(key, none, none, new Uint8Array(16)), DOMException);
});
