import { assert, assertEquals, assertRejects } from "@std/assert";
import { utf8 } from "../../lib/bytes.ts";
import type { CryptomemError } from "../../lib/errors.ts";
import { passwordCheck } from "../../lib/security/password.ts";

Deno.test("passwordCheck() tells the password from all others, and wipes what it was given", async () => {
  const secret = utf8("correct horse");
  const check = await passwordCheck(secret);
  assert(secret.every((byte) => byte === 0));
  assertEquals(await check(utf8("correct horse")), true);
  for (const wrong of ["correct hors", "correct horsf", "correct horse ", "", "\0".repeat(13)]) {
    assertEquals(await check(utf8(wrong)), false, wrong);
  }
});

Deno.test("passwordCheck() takes any bytes, also names that mean something to JavaScript", async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  const check = await passwordCheck(bytes.slice());
  assertEquals(await check(bytes), true);
  assertEquals(await check(bytes.subarray(0, 255)), false);
});

Deno.test("a check refuses more than 512 bytes without hashing them", async () => {
  const check = await passwordCheck(new Uint8Array(512).fill(1));
  assertEquals(await check(new Uint8Array(512).fill(1)), true);
  // Two are under way: a third that had to be hashed would be BUSY.
  const busy = [check(utf8("a")), check(utf8("b"))];
  assertEquals(await check(new Uint8Array(513).fill(1)), false);
  assertEquals(await Promise.all(busy), [false, false]);
});

Deno.test("a check hashes at most two passwords at once; others are BUSY, and later ones are checked again", async () => {
  const check = await passwordCheck(utf8("secret"));
  const all = await Promise.allSettled(["secret", "wrong", "secret", "wrong"].map((text) => check(utf8(text))));
  const outcomes = all.map((it) => it.status === "fulfilled" ? it.value : (it.reason as CryptomemError).code);
  assertEquals(outcomes, [true, false, "BUSY", "BUSY"]);
  assertEquals(await check(utf8("secret")), true);
});

Deno.test("passwordCheck() refuses an empty password and one that no client could give", async () => {
  for (const length of [0, 513]) {
    const { message } = await assertRejects(() => passwordCheck(new Uint8Array(length).fill(0x61)), RangeError);
    assertEquals(message, `Cannot use password: it has ${length} bytes and must have from 1 to 512`);
  }
});
